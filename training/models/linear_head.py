"""`model.head: linear`: a linear layer behind the maps of an encoder, in place of the decoder of a network.

With `model.freeze: encoder` this is a linear probe: what the features of an encoder tell by themselves.

Shapes: B batch, C channels, F features, K outputs, H lines, W samples, h and w of a coarser map.
"""

from collections.abc import Sequence
from typing import Final

import torch
from torch import nn
from torch.nn import functional as F

from training.models.library import first_line
from training.models.padding import AnySize, plain
from training.spec import SpecError

_SIDE: Final = 128
"""Side of the square by which the maps of an encoder are measured."""

Level = tuple[int, int]
"""Features of a map, and how many pixels of the input one of its cells is along each axis."""


class LinearHead(nn.Module):
    """(B, C, H, W) -> (B, K, H, W): a 1x1 convolution of every map of the encoder, grown to full size and added up.

    The same as one 1x1 convolution of all maps side by side at full size, for a part of the work: growing is linear.
    """

    def __init__(self, encoder: nn.Module, levels: Sequence[Level], n_outputs: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.strides = [stride for _, stride in levels]
        self.head = nn.ModuleList(
            nn.Conv2d(features, n_outputs, kernel_size=1, bias=place == 0) for place, (features, _) in enumerate(levels)
        )

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        """Logits (B, K, H, W)."""
        height, width = x_BCHW.shape[-2:]
        maps = [layer(x_BFhw) for layer, x_BFhw in zip(self.head, maps_of(self.encoder, x_BCHW), strict=True)]
        grown = [_grow(y_BKhw, stride)[..., :height, :width] for y_BKhw, stride in zip(maps, self.strides, strict=True)]
        return torch.stack(grown).sum(dim=0) if len(grown) > 1 else grown[0]


def with_linear_head(model: nn.Module, *, name: str, in_channels: int, n_outputs: int) -> nn.Module:
    """The encoder of a pixel-based network with a linear head, its weights as they are; raises SpecError."""
    encoder = getattr(plain(model), "encoder", None)
    if not isinstance(encoder, nn.Module):
        raise SpecError(
            f"model.head = 'linear' needs a network with an encoder, and {name!r} has none: give its class an "
            "attribute `encoder`, a module that maps channels to a map of features or to a list of them"
        )
    head = LinearHead(encoder, _levels(encoder, name, in_channels), n_outputs)
    return AnySize(head, model.multiple, model.least) if isinstance(model, AnySize) else head


def maps_of(encoder: nn.Module, x_BCHW: torch.Tensor) -> list[torch.Tensor]:
    """The maps (B, F, h, w) of an encoder that have features; smp's begin with the input itself, which is none."""
    found = encoder(x_BCHW)
    maps = [found] if isinstance(found, torch.Tensor) else list(found)
    return [each for each in maps if each is not x_BCHW and each.shape[1]]


def _levels(encoder: nn.Module, name: str, in_channels: int) -> list[Level]:
    """Measures the maps of an encoder on a square without content."""
    training = [(module, module.training) for module in encoder.modules()]
    encoder.eval()
    device = next((parameter.device for parameter in encoder.parameters()), None)
    try:
        with torch.no_grad():
            maps = maps_of(encoder, torch.zeros(1, in_channels, _SIDE, _SIDE, device=device))
        if not maps or any(each.ndim != 4 or _SIDE % each.shape[2] for each in maps):
            raise ValueError(f"its maps have the shapes {[tuple(each.shape) for each in maps]}")
    except Exception as error:
        raise SpecError(
            f"model.head = 'linear' is not possible with {name!r}: for {in_channels} channels of {_SIDE} x {_SIDE} its "
            f"encoder does not return maps (B, F, h, w), h and w parts of the sides ({first_line(error)})"
        ) from error
    finally:
        for module, mode in training:
            module.training = mode
    return [(each.shape[1], _SIDE // each.shape[2]) for each in maps]


def _grow(y_BKhw: torch.Tensor, stride: int) -> torch.Tensor:
    """By exactly the stride, so that a scene in tiles is the scene in one piece."""
    if stride == 1:
        return y_BKhw
    return F.interpolate(y_BKhw, scale_factor=float(stride), mode="bilinear", align_corners=False)
