"""Where the windows of a scene are, and which of its pixels are land or near a border: pure functions on arrays."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

BORDER: Final = "distance_to_border"
"""SAR-grid variable that is no input: metres to the nearest border of an ice-chart polygon."""

MOSTLY_LAND: Final = 0.5
"""Zone 0 is land and zone 1 the first 500 m of sea: the mean of a block is below one half where most of it is land."""


def draw_window(rng: np.random.Generator, shape: tuple[int, int], size: int) -> tuple[slice, slice]:
    """Draws a window uniformly over all positions, the last row and column included.

    Args:
        rng: Source of randomness.
        shape: Lines and samples of the scene.
        size: Side of the patch.

    Returns:
        Slices of lines and samples; shorter than `size` where the scene is, which is used whole then.
    """
    starts = [int(rng.integers(0, max(length - size, 0) + 1)) for length in shape]
    line, sample = (slice(start, min(start + size, length)) for start, length in zip(starts, shape, strict=True))
    return line, sample


def window_starts(length: int, size: int, stride: int) -> NDArray[np.int32]:
    """First pixels of the windows along one axis: 0, stride, 2 * stride, ..., and the last that fits.

    So every pixel up to the last is in a window, as long as the stride is not larger than the window; published code
    leaves out the last lines and samples (`range(0, length - size, stride)`).

    Args:
        length: Pixels of the axis.
        size: Side of the window.
        stride: Pixels from one window to the next; the last one may be nearer.

    Returns:
        (windows,) int32, rising; empty where the axis is shorter than a window.
    """
    if size > length:
        return np.empty(0, np.int32)
    starts = np.arange(0, length - size + 1, stride, dtype=np.int32)
    last = np.int32(length - size)
    return starts if starts[-1] == last else np.append(starts, last)


def land_pixels(distance_map: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Pixels that are land for the most part.

    Args:
        distance_map: Zones of distance to land (AI4Arctic manual: 0 is land, 1 to 41 are rings of the sea); means of
            zones where a pixel is a block of the raw grid, and not exactly whole in the ready-to-train product.
    """
    return distance_map < MOSTLY_LAND


def near_border(distance_to_border: NDArray[np.floating], metres: float) -> NDArray[np.bool_]:
    """Pixels nearer to the border of an ice-chart polygon than `metres`, or of unknown distance (NaN)."""
    return ~(distance_to_border >= metres)
