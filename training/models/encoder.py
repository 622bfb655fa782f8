"""The encoder of a network: the part that makes features of its channels, before what makes classes of them.

One rule for all networks. The encoder is the module that a network has as `encoder`: so do our U-Net and DeepLabV3,
those of smp, every network with a linear head, and a network of a user's own that declares it. Of a classifier whose
last layer is known (one of the benchmark, or of timm) it is all but that layer.
"""

from dataclasses import dataclass

from torch import nn

from training.models.benchmark import NETWORKS
from training.models.padding import plain
from training.spec import ModelSpec, SpecError


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoder:
    """What a network's encoder is made of.

    Attributes:
        parameters: All of its weights.
        modules: All of its layers, those inside others too.
    """

    parameters: tuple[nn.Parameter, ...]
    modules: tuple[nn.Module, ...]


def encoder_of(model: nn.Module, name: str) -> Encoder:
    """The encoder of the network that is named `name`; raises SpecError for one without."""
    network = plain(model)
    encoder = getattr(network, "encoder", None)
    if isinstance(encoder, nn.Module):
        return Encoder(parameters=tuple(encoder.parameters()), modules=tuple(encoder.modules()))
    heads = _last_layers(network, name)
    if not heads:
        raise SpecError(
            f"the network {name!r} has no encoder, which model.freeze, model.head and optimizer.encoder_lr_factor are "
            "about: give its class an attribute `encoder` (the module that makes features), or leave them as they are"
        )
    own = {id(parameter) for head in heads for parameter in head.parameters()}
    others = {id(model), id(network)} | {id(module) for head in heads for module in head.modules()}
    return Encoder(
        parameters=tuple(parameter for parameter in network.parameters() if id(parameter) not in own),
        modules=tuple(module for module in network.modules() if id(module) not in others),
    )


def freeze(encoder: Encoder) -> None:
    """No gradient reaches the weights any more, so no optimizer that is built from trainable ones takes them."""
    for parameter in encoder.parameters:
        parameter.requires_grad_(False)


def check_encoder(model: nn.Module, spec: ModelSpec, lr_factor: float) -> Encoder | None:
    """The encoder where the spec treats it in another way than the rest; raises SpecError where there is none."""
    return encoder_of(model, spec.name) if spec.freeze == "encoder" or lr_factor != 1.0 else None


def _last_layers(network: nn.Module, name: str) -> list[nn.Module]:
    """Those of a classifier that is ours or timm's; a distilled network of timm has two."""
    if name in NETWORKS:
        names = [NETWORKS[name].head]
    elif name.startswith("timm:"):
        given = getattr(network, "pretrained_cfg", {}).get("classifier") or ()
        names = [given] if isinstance(given, str) else list(given)
    else:
        names = []
    found = [network.get_submodule(each) for each in names]
    return [each for each in found if any(True for _ in each.parameters())]
