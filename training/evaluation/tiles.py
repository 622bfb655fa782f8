"""Tiles of a scene: parts that a network computes one by one, each with what it must see around it.

A tile gives what the scene in one piece gives where it begins at a multiple of the network's stride and sees the
network's reach on every side. At a true edge of the scene a tile ends there too, so that what a network does at edges
(padding) happens at true edges only.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from torch import nn

from training.evaluation.field_of_view import STRIDES, FieldOfView, field_of_view

FALLBACK_HALO: Final = 256
"""Pixels seen around a tile by a network without a limited field of view."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One tile: `lines` and `samples` are kept, `outer_lines` and `outer_samples` are what the network is given."""

    lines: slice
    samples: slice
    outer_lines: slice
    outer_samples: slice

    @property
    def inner(self) -> tuple[slice, slice]:
        """Where the kept part lies in what the network is given."""
        kept = ((self.lines, self.outer_lines), (self.samples, self.outer_samples))
        lines, samples = (slice(own.start - outer.start, own.stop - outer.start) for own, outer in kept)
        return lines, samples


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """How scenes are cut for one network.

    Attributes:
        side: Longest side of the kept part, a multiple of `stride`.
        halo: Pixels seen around it, a multiple of `stride`.
        stride: Tiles begin at its multiples.
        why_not_exact: Empty where tiles give the same as the scene in one piece; else why they do not.
    """

    side: int
    halo: int
    stride: int
    why_not_exact: str = ""

    def tiles(self, shape: tuple[int, int]) -> Iterator[Tile]:
        """Tiles whose kept parts cover a scene of these lines and samples once, line of tiles after line of tiles."""
        for lines, outer_lines in self._spans(shape[0]):
            for samples, outer_samples in self._spans(shape[1]):
                yield Tile(lines=lines, samples=samples, outer_lines=outer_lines, outer_samples=outer_samples)

    def _spans(self, length: int) -> list[tuple[slice, slice]]:
        """Kept and seen pixels along one axis; as few tiles as `side` allows, of one size but for the last."""
        count = -(-length // self.side)
        step = -(-length // (count * self.stride)) * self.stride  # <= side, because side is a multiple of stride
        return [
            (
                slice(start, min(start + step, length)),
                slice(max(start - self.halo, 0), min(start + step + self.halo, length)),
            )
            for start in range(0, length, step)
        ]


def tiling_of(model: nn.Module, channels: int, tile: int) -> Tiling:
    """Measures a network (B, channels, H, W) -> (B, K, H, W) and cuts scenes accordingly; warns if that is not exact.

    Measuring takes seconds, so ask once a network, not once a scene; weights do not matter. `tile` is the wanted side
    of the kept part in pixels, which is made a multiple of the stride.
    """
    tiling = fit_tiling(field_of_view(model, channels), tile)
    if tiling.why_not_exact:
        logger.warning(
            "scenes longer than %d pixels are predicted in tiles, and not exactly as in one piece: of the network is "
            "known that %s",
            tiling.side,
            tiling.why_not_exact,
        )
    return tiling


def fit_tiling(view: FieldOfView, tile: int) -> Tiling:
    """The tiling for a field of view, with sides near `tile`."""
    stride = view.stride if view.limited else STRIDES[-1]
    reach = view.reach if view.limited else FALLBACK_HALO
    return Tiling(
        side=max(tile // stride, 1) * stride,
        halo=-(-reach // stride) * stride,
        stride=stride,
        why_not_exact=view.why_not,
    )
