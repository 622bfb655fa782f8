"""Networks of five channels and six classes, with or without weights."""

import torch
from torch import nn

from training.models import NETWORKS, build_model
from training.spec import ModelSpec, Task


def build(name: str, pretrained: str | None = None, task: Task | None = None, **params: object) -> nn.Module:
    task = task or NETWORKS[name].task
    return build_model(
        ModelSpec(name=name, params=params, pretrained=pretrained), task=task, in_channels=5, n_outputs=6
    )


def torchvision_state(name: str) -> dict[str, torch.Tensor]:
    import torchvision

    return dict(getattr(torchvision.models, name)(weights=None).state_dict())
