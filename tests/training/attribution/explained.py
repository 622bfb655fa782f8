"""Patches in memory and networks of known behaviour, for the tests of attribution."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from datasets.labels import SOD
from datasets.lake import Lake
from datasets.loading.normalize import Normalization
from training.attribution.assigned import AssignedPatches, ExplainedNetwork, PatchAttributions, assign
from training.attribution.features import Features
from training.attribution.run import explainer
from training.attribution.settings import AttributionSettings
from training.data.trial_scenes import bind
from training.evaluation.predict import outputs_of
from training.loop.checkpoint import Checkpoint, save_checkpoint
from training.models import build_network
from training.models.heads import Head
from training.spec import TrialSpec

HEAD = Head(chart=SOD, regression=False, first=0)
CHANNELS = ("nersc_sar_primary", "nersc_sar_secondary", "t2m", "month")
FEATURES = Features.of(CHANNELS)
C, K = len(CHANNELS), SOD.n_classes
METHODS = ("integrated_gradients", "feature_ablation", "gradient_shap", "deeplift", "deeplift_shap")


def frozen(model: nn.Module) -> nn.Module:
    """In eval mode with frozen weights; batch norm as after some training."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0.0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return model.eval().requires_grad_(False)


def tensor(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def patches_of(
    model: nn.Module,
    x: torch.Tensor,
    valid: torch.Tensor | None = None,
    classes: Sequence[int] = range(K),
    head: Head = HEAD,
) -> AssignedPatches:
    valid = torch.ones(len(x), *x.shape[2:], dtype=torch.bool) if valid is None else valid
    logits = head.of(outputs_of(model, x))
    wanted = valid if logits.ndim == 4 else torch.ones(len(x), dtype=torch.bool)
    return AssignedPatches(
        x=x,
        valid=valid,
        assigned=assign(logits, head, wanted, tuple(classes)),
        logits=logits,
        draws=tuple((0, row) for row in range(len(x))),
    )


def explain(
    method: str,
    model: nn.Module,
    patches: AssignedPatches,
    bank: torch.Tensor,
    head: Head = HEAD,
    features: Features = FEATURES,
    **settings: object,
) -> PatchAttributions:
    chosen = AttributionSettings.of(method=method, **settings)
    network = ExplainedNetwork(model=model, head=head, features=features, bank=bank, name="net")
    return explainer(chosen, network)(patches)


def completeness(found: PatchAttributions, channels: int = C) -> float:
    """Share of the change that is missed, patch by patch."""
    assert found.change is not None
    missed = np.abs(found.signed[:, :, :channels].sum(axis=2) - found.change)
    return float(missed.sum() / np.abs(found.change).sum())


class Counting(nn.Module):
    """Counts forward and backward passes of a network."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.forwards = 0
        self.backwards = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.forwards += 1
        out: torch.Tensor = self.network(x)
        if out.requires_grad:
            out.register_hook(self._count)
        return out

    def _count(self, _: torch.Tensor) -> None:
        self.backwards += 1


def untrained(spec: TrialSpec, lake: Lake, folder: Path) -> Path:
    """A checkpoint of random weights in the folder of a trial."""
    spec = bind(spec, lake)
    torch.manual_seed(0)
    model = build_network(spec)
    normalization = Normalization.from_lake(lake, spec.data.channels, spec.data.ratio)
    path = folder / "best.pt"
    save_checkpoint(path, Checkpoint(spec=spec, normalization=normalization, epoch=0, state=model.state_dict()))
    return path
