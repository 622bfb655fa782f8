"""How far a network sees, and by what shifts of its input its output shifts along: measured, for any network.

Both are structure, not weights, so they are measured on a copy with random weights that leave nothing out. Both are
measured along each axis on a strip, which is as telling as a square and costs a fraction of it.

Shapes: B batch, C channels, K outputs, H lines, W samples.
"""

import copy
from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

import torch
from torch import nn

STRIDES: Final = (1, 2, 4, 8, 16, 32, 64)
"""Shifts that are tried."""

FARTHEST: Final = 576
"""Reach in pixels beyond which a network counts as seeing everything: tiles with more around them would not pay. A
U-Net on ResNet-34 sees 543, on ResNet-101 575. A multiple of every stride."""

_ACROSS: Final = 64
"""Width of a strip; a whole period of every stride."""

_TAIL: Final = 77
"""Pixels compared beyond the reach; odd, because scenes are."""

_ALIKE: Final = 1e-9
"""Largest difference, relative to the largest output, that is rounding (float64)."""


@dataclass(frozen=True, kw_only=True)
class FieldOfView:
    """What was measured.

    Attributes:
        reach: Where the input is cut at a multiple of `stride`, outputs this many pixels from the cut, or more, do not
            depend on what is cut off; 0 for a 1 x 1 network.
        stride: Smallest shift of the input, in pixels, that shifts the output and changes nothing else.
        why_not: Empty, or why there is no such reach or stride: one clause. Then both numbers are 0.
    """

    reach: int = 0
    stride: int = 0
    why_not: str = ""

    @property
    def limited(self) -> bool:
        """Whether a part of a scene can be computed exactly from that part and what is around it."""
        return not self.why_not


def field_of_view(model: nn.Module, channels: int) -> FieldOfView:
    """Measures a network on any device that maps (B, channels, H, W) to (B, K, H, W); seconds on a CPU.

    A copy is measured in eval mode on the CPU; the network is left as it is, and so is torch's generator.
    """
    probe = _probe(model)
    try:
        with torch.inference_mode():
            reach = max(_reach(probe, channels, axis) for axis in (0, 1))
            if reach > FARTHEST:
                return FieldOfView(why_not=f"it sees more than {FARTHEST} pixels around")
            stride = _stride(probe.double(), channels, reach)
    except (RuntimeError, ValueError, TypeError) as error:
        # A network of a user may refuse float64 or a strip; it can be scored all the same, only not exactly in tiles.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return FieldOfView(why_not=f"it could not be measured ({reason})")
    if stride is None:
        return FieldOfView(why_not="what it says of a pixel depends on where in the scene the pixel is")
    return FieldOfView(reach=reach, stride=stride)


def _probe(model: nn.Module) -> nn.Module:
    """A copy with weights that hide nothing: a branch that starts from zeros is seen, half of all ReLUs are open."""
    probe = copy.deepcopy(model).to("cpu", torch.float32).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in probe.parameters():
            if parameter.ndim > 1:  # keeps the scale of activations from layer to layer (He et al. 2015)
                fan_in = max(parameter[0].numel(), 1)
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * (2 / fan_in) ** 0.5)
            else:
                parameter.copy_(torch.rand(parameter.shape, generator=generator) + 0.5)
        for name, buffer in probe.named_buffers():
            if name.endswith("running_mean"):
                buffer.zero_()
            elif name.endswith("running_var"):
                buffer.fill_(1.0)
    return probe


def _reach(probe: nn.Module, channels: int, axis: int) -> int:
    """Pixels from a band of not-a-number up to which outputs become not a number; > FARTHEST where there is no end.

    NaN passes through every operation, products with zero included, so what it reaches is what is looked at. The band
    is a whole period of every stride, so the reach holds for pixels of every phase.
    """
    x_BCHW = torch.ones(1, channels, FARTHEST + _ACROSS + FARTHEST, _ACROSS)
    x_BCHW[:, :, FARTHEST : FARTHEST + _ACROSS] = torch.nan
    reached = _along(probe, x_BCHW, axis).isnan().any(dim=3).any(dim=1)[0].nonzero().flatten().tolist()
    if not reached:
        raise ValueError("its output does not depend on its input")
    if reached[0] == 0 or reached[-1] == x_BCHW.shape[2] - 1:
        return FARTHEST + 1
    return int(max(FARTHEST - reached[0], reached[-1] + 1 - FARTHEST - _ACROSS))


def _stride(probe: nn.Module, channels: int, reach: int) -> int | None:
    """Smallest stride, by bisection: a network that shifts along by s shifts along by 2 s. None where none does."""
    generator = torch.Generator().manual_seed(1)
    shape = (1, channels, reach + STRIDES[-1] + _TAIL, _ACROSS)
    x_BCHW = torch.randn(shape, dtype=torch.float64, generator=generator)
    wholes = [_along(probe, x_BCHW, axis) for axis in (0, 1)]

    def can_be_cut(stride: int) -> bool:
        """Whether a strip can be cut off at its begin, and at its end, by the stride without a change farther in."""
        end = (x_BCHW.shape[2] - 1) // stride * stride
        inside = end - reach
        return all(
            _alike(_along(probe, x_BCHW[:, :, stride:], axis)[:, :, reach:], whole[:, :, stride + reach :])
            and _alike(_along(probe, x_BCHW[:, :, :end], axis)[:, :, :inside], whole[:, :, :inside])
            for axis, whole in enumerate(wholes)
        )

    place = bisect_left(STRIDES, True, key=can_be_cut)
    return STRIDES[place] if place < len(STRIDES) else None


def _along(probe: nn.Module, x_BCHW: torch.Tensor, axis: int) -> torch.Tensor:
    """Runs a strip of lines along lines (axis 0) or along samples (axis 1); the answer is a strip of lines again."""
    y: torch.Tensor = probe(x_BCHW if axis == 0 else x_BCHW.transpose(2, 3).contiguous())
    y_BKHW = y if axis == 0 else y.transpose(2, 3)
    if y_BKHW.ndim != 4 or y_BKHW.shape[2:] != x_BCHW.shape[2:]:
        raise ValueError(f"it answers {tuple(x_BCHW.shape)} with {tuple(y_BKHW.shape)}")
    return y_BKHW


def _alike(one: torch.Tensor, other: torch.Tensor) -> bool:
    return bool((one - other).abs().max() <= _ALIKE * other.abs().max())
