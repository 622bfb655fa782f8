"""Augmentation on the device: image and labels of a patch change together, by a draw for each patch.

Suffixes: B patches, N some of them, C channels, T charts, H lines, W samples.

Exact moves (flips and turns by 90 degrees) permute pixels. Small rotations and scaling interpolate, once, flips and
turns composed into the same sampling; a patch with neither is not interpolated at all.

Two things stay as they are, as in the published code: the incidence angle, which falls off along the samples of a true
scene, and latitude and longitude, whose gradients turn with the patch. Wind components can be turned with their scene:
see `training.data.vector_channels`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from datasets.labels import IGNORE
from training.data.vector_channels import VectorChannels, turn_vectors
from training.loop.machine import sent
from training.loop.processes import Processes
from training.spec import AugmentSpec


@torch.no_grad()
def augment(
    x_BCHW: Tensor,
    y: Tensor,
    spec: AugmentSpec,
    generator: torch.Generator,
    *,
    vectors: Sequence[VectorChannels] = (),
    processes: Processes | None = None,
    batch_size: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Varies a batch: x (B, C, H, W) float32, normalized, 0 = no data, on any device; the inputs are left alone.

    Labels y are uint8 or int64, 255 = no label: (B, T, H, W) where pixel-based; (B, T) where patch-based, where the
    class of a patch stays.

    Draws are for the whole batch: each process draws for all patches and takes its own part. The other patch of CutMix
    may be in another process, so for a batch that is mixed all processes get all patches.

    Each call takes the same number of draws from the generator (on the CPU) whatever the spec, so the result depends on
    the seed and not on the device, and one probability changes nothing of what the others do. Every process that shares
    the batch of `batch_size` patches calls this with its part and an equal generator. Channels that are not in
    `vectors` are taken for scalars; the published code and the AutoICE winner take all for scalars.

    Returns:
        x and y. Outside of the original patch x is 0 and y 255.

    Raises:
        ValueError: Turns by 90 degrees of patches that are not square.
    """
    maps = y.ndim == 4
    if spec.rotate90 > 0 and x_BCHW.shape[2] != x_BCHW.shape[3]:
        raise ValueError(
            f"patches of {tuple(x_BCHW.shape[2:])} pixels cannot be turned by 90 degrees: make them square"
        )
    processes = processes or Processes()
    patches = len(x_BCHW) if batch_size is None else batch_size
    draws = _draw(patches, spec, generator).part(processes)
    x_BCHW, y_moved = _move(x_BCHW, y if maps else None, draws, vectors)
    if y_moved is None:
        return x_BCHW, y
    if not draws.mixed:
        return x_BCHW, y_moved
    whole_x, whole_y = (processes.whole(part, patches) for part in (x_BCHW, y_moved))
    return _cut_and_mix(x_BCHW, y_moved, whole_x, whole_y, draws)


_RESAMPLED: Final = 8
"""Beside the codes of exact moves: 1 = transposed, 2 = lines flipped, 4 = samples flipped, after that."""


@dataclass(frozen=True)
class _Draws:
    """The draws for each patch, on the CPU. Any sequence of flips and turns is: transpose, then flip.

    Partners are counted in the whole batch, also after `part`.
    """

    transpose_B: Tensor
    flip_lines_B: Tensor
    flip_samples_B: Tensor
    resample_B: Tensor
    angle_B: Tensor
    factor_B: Tensor
    mixed: bool
    partner_B: Tensor
    share_B: Tensor
    corner_B2: Tensor

    def part(self, processes: Processes) -> "_Draws":
        """Of the patches that this process has."""
        taken: dict[str, Any] = {
            name: processes.part(value) for name, value in vars(self).items() if isinstance(value, Tensor)
        }
        return replace(self, **taken)


def _draw(patches: int, spec: AugmentSpec, generator: torch.Generator) -> _Draws:
    uniform_9B = torch.rand(9, patches, generator=generator, dtype=torch.float64)
    chance_6B, amount_3B = uniform_9B[:6], uniform_9B[6:]
    corner_B2 = torch.rand(patches, 2, generator=generator, dtype=torch.float64)
    order_B = torch.randperm(patches, generator=generator)
    beta_seed = int(torch.randint(2**62, (), generator=generator))

    lines, samples, turned, rotated, scaled = (
        chance_6B[place] < chance
        for place, chance in enumerate((spec.flip_lines, spec.flip_samples, spec.rotate90, spec.rotate, spec.scale))
    )
    quarters = torch.where(turned, 1 + (amount_3B[0] * 3).long(), 0)
    transpose = quarters % 2 == 1
    swing, stretch = (
        (2 * amount_3B[1] - 1) * math.radians(spec.rotate_degrees),
        (2 * amount_3B[2] - 1) * spec.scale_range,
    )
    partner = torch.empty_like(order_B)
    partner[order_B] = order_B.roll(-1)  # one ring, so that no patch is its own partner
    return _Draws(
        transpose_B=transpose,
        # Turns by 90 degrees are rot90's: 1 = transpose, flip lines; 2 = flip both; 3 = transpose, flip samples.
        flip_lines_B=torch.where(transpose, samples, lines) ^ ((quarters == 1) | (quarters == 2)),
        flip_samples_B=torch.where(transpose, lines, samples) ^ (quarters >= 2),
        resample_B=rotated | scaled,
        angle_B=torch.where(rotated, swing, 0.0),
        factor_B=torch.where(scaled, 1 + stretch, 1.0),
        mixed=bool(chance_6B[5, :1] < spec.cutmix),
        partner_B=partner,
        # torch's Beta takes no generator; numpy's gets its seed from ours.
        share_B=torch.from_numpy(np.random.default_rng(beta_seed).beta(spec.cutmix_alpha, spec.cutmix_alpha, patches)),
        corner_B2=corner_B2,
    )


def _move(
    x_BCHW: Tensor, y_BTHW: Tensor | None, draws: _Draws, vectors: Sequence[VectorChannels]
) -> tuple[Tensor, Tensor | None]:
    """Flips, turns, rotates and scales."""
    exact_B22 = _exact_maps(draws)
    code_B = draws.transpose_B + 2 * draws.flip_lines_B.long() + 4 * draws.flip_samples_B
    code_B = torch.where(draws.resample_B, _RESAMPLED, code_B)
    codes = set(code_B.tolist())
    if codes == {0}:
        return x_BCHW, y_BTHW
    moved_x = torch.empty_like(x_BCHW)
    moved_y = None if y_BTHW is None else torch.empty_like(y_BTHW)
    for code in sorted(codes):
        members = (code_B == code).nonzero()[:, 0]
        turn_N22 = exact_B22[members]
        grid_NHW2 = None
        if code == _RESAMPLED:
            turn_N22 = turn_N22 @ _rotations(draws.angle_B[members])
            grid_NHW2 = _grid(turn_N22 / draws.factor_B[members, None, None], x_BCHW)
        index_N = sent(members, x_BCHW.device)
        x_NCHW = x_BCHW.index_select(0, index_N)
        if code != 0:
            turn_vectors(x_NCHW, turn_N22, vectors)
        moved_x.index_copy_(0, index_N, _sample(x_NCHW, code, grid_NHW2, fill=0))
        if y_BTHW is not None and moved_y is not None:
            moved_y.index_copy_(0, index_N, _sample(y_BTHW.index_select(0, index_N), code, grid_NHW2, fill=IGNORE))
    return moved_x, moved_y


def _exact_maps(draws: _Draws) -> Tensor:
    """(B, 2, 2): from a place in the result to the one it came from, (sample, line) from the centre of the patch."""
    sign_B2 = 1.0 - 2.0 * torch.stack((draws.flip_samples_B, draws.flip_lines_B), dim=1).double()
    flip_B22 = torch.diag_embed(sign_B2)
    return torch.where(draws.transpose_B[:, None, None], flip_B22.flip(1), flip_B22)


def _rotations(angle_N: Tensor) -> Tensor:
    cosine_N, sine_N = angle_N.cos(), angle_N.sin()
    return torch.stack((cosine_N, -sine_N, sine_N, cosine_N), dim=1).reshape(-1, 2, 2)


def _grid(map_N22: Tensor, x_BCHW: Tensor) -> Tensor:
    """Places to sample, (N, H, W, 2) in -1..1; not by affine_grid, whose product TF32 and autocast would round."""
    lines, samples = x_BCHW.shape[2:]
    map_N22 = sent(map_N22.float(), x_BCHW.device)
    line_H1 = torch.arange(lines, device=x_BCHW.device)[:, None] - (lines - 1) / 2
    sample_W = torch.arange(samples, device=x_BCHW.device) - (samples - 1) / 2
    along = map_N22[:, :, :, None, None]
    sample_NHW = (along[:, 0, 0] * sample_W + along[:, 0, 1] * line_H1) * (2 / samples)
    line_NHW = (along[:, 1, 0] * sample_W + along[:, 1, 1] * line_H1) * (2 / lines)
    return torch.stack((sample_NHW, line_NHW), dim=-1)


def _sample(values: Tensor, code: int, grid_NHW2: Tensor | None, *, fill: int) -> Tensor:
    """Moves (N, ..., H, W): exactly, by the bits of the code, or by the grid; nearest where there is a fill."""
    if grid_NHW2 is None:
        values = values.transpose(-2, -1) if code & 1 else values
        axes = [axis for bit, axis in ((2, -2), (4, -1)) if code & bit]
        return values.flip(axes) if axes else values
    if not fill:
        return grid_sample(values, grid_NHW2, mode="bilinear", padding_mode="zeros", align_corners=False)
    lifted = grid_sample(values.float() - fill, grid_NHW2, mode="nearest", padding_mode="zeros", align_corners=False)
    return (lifted + fill).to(values.dtype)


def _cut_and_mix(
    x_BCHW: Tensor, y_BTHW: Tensor, whole_x: Tensor, whole_y: Tensor, draws: _Draws
) -> tuple[Tensor, Tensor]:
    """Puts a box of another patch of the batch over each patch; fully inside, so that its share is as drawn."""
    size_2 = torch.tensor(x_BCHW.shape[2:])
    side_B2 = (draws.share_B.sqrt()[:, None] * size_2).round()
    start_B2 = (draws.corner_B2 * (size_2 - side_B2 + 1)).floor()
    start_B2, stop_B2 = (sent(edge, x_BCHW.device) for edge in (start_B2, start_B2 + side_B2))
    inside = [
        (place >= start_B2[:, axis, None]) & (place < stop_B2[:, axis, None])
        for axis, place in enumerate(torch.arange(int(size), device=x_BCHW.device) for size in size_2)
    ]
    box_B1HW = (inside[0][:, :, None] & inside[1][:, None, :])[:, None]
    partner_B = sent(draws.partner_B, x_BCHW.device)
    return (
        torch.where(box_B1HW, whole_x.index_select(0, partner_B), x_BCHW),
        torch.where(box_B1HW, whole_y.index_select(0, partner_B), y_BTHW),
    )
