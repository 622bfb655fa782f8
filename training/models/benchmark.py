"""The nine networks of IceBench by name, each for its task.

A new one is a builder `(in_channels, n_outputs, *, ...)`, whose keyword-only parameters are what `model.params` may
hold, one line in `NETWORKS`, and one in the table of `training.models_command`.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torch import nn

from datasets.errors import unknown_name
from training.models import unet
from training.models.classifiers import torchvision_network
from training.models.cnn import CNN
from training.models.deeplab import DeepLabV3
from training.models.library import refuse_unknown
from training.models.weights import Receiver, load_weights, read_tensors
from training.models.weights_file import IMAGENET, given_file, torch_hub_file
from training.models_command import OTHERS
from training.spec import ModelSpec, SpecError, Task


@dataclass(frozen=True, kw_only=True)
class Network:
    """One network of the benchmark.

    Attributes:
        build: (in_channels, n_outputs, *, ...) -> the network with fresh weights.
        head: Name of its last layer, which never takes pretrained weights.
        imagenet: torchvision's network whose ImageNet weights it takes; those that IceBench takes are the default ones.
        first: Name of the first convolution where ImageNet weights have one that can be adapted.
    """

    task: Task
    build: Callable[..., nn.Module]
    head: str
    imagenet: str | None = None
    first: str | None = None

    @property
    def params(self) -> tuple[str, ...]:
        """Names that `model.params` may hold."""
        signature = inspect.signature(self.build)
        own = tuple(p.name for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY)
        return (*own, "first_layer") if self.first else own


def _of_torchvision(name: str, first: str, head: str, *, adapts: bool = True) -> Network:
    build = torchvision_network(name, first)
    return Network(task="patch", build=build, head=head, imagenet=name, first=first if adapts else None)


NETWORKS: Final[dict[str, Network]] = {
    "unet": Network(task="pixel", build=unet.build, head="outlet"),
    "deeplabv3": Network(task="pixel", build=DeepLabV3, head="head", imagenet="resnet18", first="encoder.conv1"),
    "cnn": Network(task="patch", build=CNN, head="head"),
    # ImageNet weights have a first convolution of another size: ours starts fresh.
    "alexnet": _of_torchvision("alexnet", "features.0", "classifier.6", adapts=False),
    "vgg16": _of_torchvision("vgg16", "features.0", "classifier.6"),
    **{f"resnet{depth}": _of_torchvision(f"resnet{depth}", "conv1", "fc") for depth in (50, 101, 152)},
    "densenet121": _of_torchvision("densenet121", "features.conv0", "classifier"),
}


def build(spec: ModelSpec, *, task: Task, in_channels: int, n_outputs: int) -> nn.Module:
    """Builds a network of the benchmark.

    `model.params.first_layer` of those that take ImageNet weights is "adapted" (timm's rule, the default) or "random",
    as in IceBench, which replaces the first layer after the weights are loaded.

    Raises:
        UnknownNameError: No network has this name.
        SpecError: The network is of the other task, a parameter is not allowed, or the weights do not fit.
    """
    if spec.name not in NETWORKS:
        raise unknown_name("model", spec.name, (*NETWORKS, *OTHERS))
    network = NETWORKS[spec.name]
    if network.task != task:
        fit = ", ".join(name for name, each in NETWORKS.items() if each.task == task)
        raise SpecError(
            f"model.name = {spec.name!r} is a {network.task}-based network and data.task is {task!r}: choose one of "
            f"{fit}, or change data.task"
        )
    refuse_unknown(spec.name, spec.params, network.params)
    params = dict(spec.params)
    first_layer = params.pop("first_layer", "adapted")
    if first_layer not in ("adapted", "random"):
        raise SpecError(f"model.params.first_layer = {first_layer!r} is not allowed: give 'adapted' or 'random'")
    model = network.build(in_channels, n_outputs, **params)
    if spec.pretrained is not None:
        _load(model, spec.name, spec.pretrained, in_channels, random_first=first_layer == "random")
    return model


def _load(model: nn.Module, name: str, pretrained: str, in_channels: int, *, random_first: bool) -> None:
    network = NETWORKS[name]
    path = _imagenet(name, network.imagenet) if pretrained == IMAGENET else given_file(pretrained)
    tensors = read_tensors(path)
    fresh = [f"{network.head}."]
    if network.first and random_first:
        fresh.append(f"{network.first}.")
    if name == "alexnet" and "features.0.bias" in tensors:  # torchvision's, whose 11x11 kernels have no place in ours
        fresh.append("features.0.")
    receivers = [Receiver(module=model, fresh=tuple(fresh))]
    if name == "deeplabv3":  # weights of ResNet-18 fit its encoder
        own = tuple(each.removeprefix("encoder.") for each in fresh if each.startswith("encoder."))
        receivers.append(Receiver(module=model.get_submodule("encoder"), fresh=own, part=True))
    load_weights(receivers, tensors, in_channels, network=name, path=path)


def _imagenet(name: str, torchvision_name: str | None) -> Path:
    if torchvision_name is None:
        raise SpecError(
            f"there are no ImageNet weights for {name!r}: give the path of a file as model.pretrained, or nothing"
        )
    from torchvision.models import get_model_weights

    return torch_hub_file(get_model_weights(torchvision_name).DEFAULT.url, name)
