"""Networks by name: `build_model(spec, in_channels, n_classes)`.

A new network is a module with a `build(in_channels, n_classes, *, ...)` function, whose keyword-only parameters are
what `model.params` may hold, and one line in `MODELS`. Every network maps (B, C, H, W) to logits (B, K, H, W).
"""

import inspect
from collections.abc import Callable
from typing import Final

from torch import nn

from datasets.errors import unknown_name
from training.models import unet
from training.spec import ModelSpec, SpecError

MODELS: Final[dict[str, Callable[..., nn.Module]]] = {
    "unet": unet.build,
}


def parameters_of(name: str) -> tuple[str, ...]:
    """Names that `model.params` may hold for the network `name`; raises UnknownNameError with the nearest network."""
    if name not in MODELS:
        raise unknown_name("model", name, MODELS)
    signature = inspect.signature(MODELS[name])
    return tuple(p.name for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY)


def build_model(spec: ModelSpec, in_channels: int, n_classes: int) -> nn.Module:
    """Builds the network of `spec` with fresh weights from torch's generator.

    Raises:
        UnknownNameError: No network has this name.
        SpecError: A parameter that this network does not have, or a value it cannot take.
    """
    allowed = parameters_of(spec.name)
    unknown = [name for name in spec.params if name not in allowed]
    if unknown:
        raise SpecError(
            f"model.params.{unknown[0]} is no parameter of {spec.name!r}: allowed are {', '.join(allowed) or 'none'}; "
            "remove it or correct its name"
        )
    return MODELS[spec.name](in_channels, n_classes, **spec.params)


def count_parameters(model: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
