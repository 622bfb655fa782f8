"""How the three grids of a scene lie on each other, and linear interpolation between them.

All positions are in full-resolution SAR pixels (40 m): pixel i has its centre at i. A block of ratio r has its centre
at `r * i + (r - 1) / 2`; a cell of the 2 km grid covers 50 x 50 pixels (AI4Arctic: 2 km grid = floor(N / 50)), so its
centre is at `50 * k + 24.5`.
"""

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

NATIVE_SPACING: Final = 40
"""Pixel spacing of the raw SAR grid in metres (EW GRDM)."""

KM2_PIXELS: Final = 50
"""Side of a cell of the 2 km grid in SAR pixels."""

POLAR: Final = "EPSG:3413"
"""Polar stereographic projection of NSIDC on WGS 84, true at 70 degrees north; 45 degrees west points down."""


Positions = TypeVar("Positions", float, NDArray[np.float64])


def pixel_spacing(ratio: int) -> int:
    """Pixel spacing in metres of the grid with this downscale ratio."""
    return NATIVE_SPACING * ratio


def pixels_of(metres: float, ratio: int) -> int:
    """A length in whole pixels of the grid with this downscale ratio, at least one."""
    return max(round(metres / pixel_spacing(ratio)), 1)


def centres(start: int, stop: int, ratio: int) -> NDArray[np.float64]:
    """Centres of the blocks start..stop-1 of a ratio, in full-resolution pixels."""
    return np.arange(start, stop, dtype=np.float64) * ratio + (ratio - 1) / 2


def km2_index(positions: Positions) -> Positions:
    """Fractional index on the 2 km grid of positions in full-resolution pixels."""
    return (positions - (KM2_PIXELS - 1) / 2) / KM2_PIXELS


def interpolate(values: NDArray[np.floating], index: NDArray[np.float64], axis: int) -> NDArray[np.floating]:
    """Interpolates linearly along one axis.

    Args:
        values: Any shape; n nodes along `axis`.
        index: (m,) fractional node index; outside 0..n-1 the nearest node's value is held (the 2 km grid ends up to 49
            pixels before the scene does).
        axis: Axis to interpolate along.

    Returns:
        `values` with m instead of n entries along `axis`, same dtype. NaN nodes make NaN.
    """
    last = values.shape[axis] - 1
    held = np.clip(index, 0, last)
    low = np.minimum(held.astype(np.intp), max(last - 1, 0))
    high = np.minimum(low + 1, last)
    shape = [1] * values.ndim
    shape[axis] = -1
    weight = (held - low).astype(values.dtype).reshape(shape)
    below = np.take(values, low, axis=axis)
    above = np.take(values, high, axis=axis)
    # A node met exactly must not take NaN from its neighbour; the last one is met from below.
    above = np.where(weight == 0, below, above)
    below = np.where(weight == 1, above, below)
    result: NDArray[np.floating] = below + (above - below) * weight
    return result
