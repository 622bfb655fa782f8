"""Surfaces that sensors see: polygons as mixtures of water, five stages of ice and land."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from datasets.sigrid import SOD_CODES
from ingest.sample.codes import Ice

SURFACES: Final = ("water", "new", "young", "thin", "thick", "old", "land")
WATER: Final = 0
LAND_SURFACE: Final = 6

_MOST_PARTS: Final = 4  # water and up to three kinds of ice
_WATER_IN_CLOSE_PACK = 0.03  # leads in ice of ten tenths that is not fast


@dataclass(frozen=True, kw_only=True)
class Mixtures:
    """Parts of every label; row 0 is land.

    Attributes:
        surface: Surface of each part, (labels, 4) int64.
        share: Share of each part, (labels, 4) float64, rows add to 1.
        fast: Fast ice, (labels,) bool.
        large: Ice in big or vast floes, (labels,) bool.
    """

    surface: NDArray[np.int64]
    share: NDArray[np.float64]
    fast: NDArray[np.bool_]
    large: NDArray[np.bool_]

    def cover(self) -> NDArray[np.float64]:
        """Share of each surface in each label: (labels, surfaces) float64."""
        total = np.zeros((len(self.surface), len(SURFACES)))
        np.add.at(total, (np.arange(len(self.surface))[:, None], self.surface), self.share)
        return total


def mixtures(ice: Sequence[Ice]) -> Mixtures:
    """Parts of land (row 0) and of every polygon, water first."""
    surface = np.zeros((len(ice) + 1, _MOST_PARTS), dtype=np.int64)
    share = np.zeros(surface.shape)
    surface[0, 0] = LAND_SURFACE
    share[:, 0] = 1.0
    for row, content in enumerate(ice, start=1):
        closed = min(content.tenths / 10, 1.0 if content.fast else 1 - _WATER_IN_CLOSE_PACK)
        share[row, 0] = 1 - closed
        for part, partial in enumerate(content.partials, start=1):
            surface[row, part] = SOD_CODES[partial.stage]  # classes 1 to 5 stand in the order of SURFACES
            share[row, part] = closed * partial.tenths / content.tenths
    return Mixtures(
        surface=surface,
        share=share,
        fast=np.array([False, *(content.fast for content in ice)]),
        large=np.array([True, *(bool(content.partials) and content.partials[0].form >= 5 for content in ice)]),
    )
