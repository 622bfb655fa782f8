"""One grid for trials of all ratios: classes brought from a trial's own grid to it by nearest pixel."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

AnyPixel = TypeVar("AnyPixel", bound=np.generic)


def to_grid(classes_HW: NDArray[AnyPixel], ratio: int, fixed_ratio: int, shape: tuple[int, ...]) -> NDArray[AnyPixel]:
    """Brings classes, or any pixels, from the grid of `ratio` to that of `fixed_ratio`, of a shape, by nearest pixel.

    Both grids start at the same corner, but block reduction trims: the coarser grid can end up to a block before the
    finer. Fixed pixels beyond its end take its last line or sample, so that every ratio is scored on the very same
    truth pixels.

    Returns:
        (lines, samples); the very array that was given where nothing moves.
    """
    if ratio == fixed_ratio and shape == classes_HW.shape:
        return classes_HW
    lines, samples = (
        nearest_index(length, ratio, fixed_ratio, own) for length, own in zip(shape, classes_HW.shape, strict=True)
    )
    return classes_HW[np.ix_(lines, samples)]


def nearest_index(length: int, ratio: int, fixed_ratio: int, own_length: int) -> NDArray[np.int64]:
    """Own pixel under the centre of each of `length` fixed pixels: floor((j + 0.5) * fixed_ratio / ratio), clipped."""
    centre_doubled = (2 * np.arange(length, dtype=np.int64) + 1) * fixed_ratio  # integers: no rounding at borders
    return np.minimum(centre_doubled // (2 * ratio), own_length - 1)
