"""U-Net of the AutoICE starter kit, as IceBench and the AutoICE winner trained it.

Every level is two 3x3 convolutions with batch norm and ReLU. `filters[0]` is the full-size level; each further filter
is one level down, and a bridge of `filters[-1]` lies one level below the last. With 16 channels and 7 outputs the
filters (16, 32, 64, 64) give 490,231 parameters and (32, 32, 64, 64) give 522,727, as published.

Shapes: B batch, C channels, F filters of a level, K classes, H lines, W samples.
"""

from collections.abc import Sequence

import torch
from torch import nn

from training.spec import SpecError

FILTERS = (16, 32, 64, 64)
"""Filters of the published IceBench U-Net."""


def _double_conv(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions; no bias, because the batch norm that follows has one."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class _Down(nn.Module):
    """Halves the size (an odd line or sample keeps its own cell) and convolves."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        # ceil_mode: a map of any size, down to one pixel, can be halved, and nothing of the scene is dropped.
        self.pool = nn.MaxPool2d(kernel_size=2, ceil_mode=True)
        self.conv = _double_conv(inputs, outputs)

    def forward(self, x_BFHW: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.conv(self.pool(x_BFHW))
        return out


class _Up(nn.Module):
    """Doubles the size, cuts to the size of the skipped level, joins it and convolves."""

    def __init__(self, inputs: int, skipped: int, outputs: int) -> None:
        super().__init__()
        self.grow = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.conv = _double_conv(inputs + skipped, outputs)

    def forward(self, x_BFHW: torch.Tensor, skip_BFHW: torch.Tensor) -> torch.Tensor:
        height, width = skip_BFHW.shape[-2:]
        grown_BFHW = self.grow(x_BFHW)[..., :height, :width]
        out: torch.Tensor = self.conv(torch.cat([grown_BFHW, skip_BFHW], dim=1))
        return out


class UNetEncoder(nn.Module):
    """The way down of a U-Net, (B, C, H, W) -> the map of every level from the full size to the bridge."""

    def __init__(self, inlet: nn.Module, down: nn.ModuleList) -> None:
        super().__init__()
        self.inlet, self.down = inlet, down

    def forward(self, x_BCHW: torch.Tensor) -> list[torch.Tensor]:
        """Maps (B, F, H, W), each half the size of the one before."""
        return _way_down(self.inlet, self.down, x_BCHW)


def _way_down(inlet: nn.Module, down: nn.ModuleList, x_BCHW: torch.Tensor) -> list[torch.Tensor]:
    maps = [inlet(x_BCHW)]
    for level in down:
        maps.append(level(maps[-1]))
    return maps


class UNet(nn.Module):
    """(B, C, H, W) float channels -> (B, K, H, W) logits, for any H and W from 1.

    `filters` are those of each level from the full size down.
    """

    def __init__(self, in_channels: int, n_outputs: int, *, filters: Sequence[int] = FILTERS) -> None:
        super().__init__()
        levels = list(filters)
        below = [*levels[1:], levels[-1]]
        self.inlet = _double_conv(in_channels, levels[0])
        self.down = nn.ModuleList(_Down(upper, lower) for upper, lower in zip(levels, below, strict=True))
        self.up = nn.ModuleList(
            _Up(lower, level, level) for level, lower in reversed(list(zip(levels, below, strict=True)))
        )
        self.outlet = nn.Conv2d(levels[0], n_outputs, kernel_size=1)

    @property
    def encoder(self) -> UNetEncoder:
        """The way down, with the weights of this network."""
        return UNetEncoder(self.inlet, self.down)

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        """Logits (B, K, H, W)."""
        *skips, x_BFHW = _way_down(self.inlet, self.down, x_BCHW)
        for up in self.up:
            x_BFHW = up(x_BFHW, skips.pop())
        logits_BKHW: torch.Tensor = self.outlet(x_BFHW)
        return logits_BKHW


def build(in_channels: int, n_outputs: int, *, filters: object = FILTERS) -> UNet:
    """Builds the network from plain values; raises SpecError for filters that are not allowed."""
    if not isinstance(filters, Sequence) or isinstance(filters, str) or not filters:
        raise SpecError(f"model.params.filters = {filters!r} is not allowed: give a list like {list(FILTERS)}")
    if any(not isinstance(n, int) or isinstance(n, bool) or n < 1 for n in filters):
        raise SpecError(f"model.params.filters = {list(filters)!r} is not allowed: every filter count is 1 or more")
    return UNet(in_channels, n_outputs, filters=filters)
