"""Large rasters made small enough for a picture: means of blocks, and the commonest class of each block."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

_STRIP_PIXELS: Final = 10_000_000
"""What is held of one raster while a scene is read for a picture: 40 MB of floats."""


def block_side(shape: Sequence[int], most: int) -> int:
    """Side of the blocks that make a raster at most `most` pixels long and wide; 1 where it is small enough."""
    return max(1, -(-max(shape) // most))


def strips(lines: int, samples: int, side: int) -> Iterator[slice]:
    """Strips of lines of whole blocks, so large that a raster of any size is read in bounded memory.

    Lines at the end that do not fill a block are left out.
    """
    height = side * max(1, _STRIP_PIXELS // (samples * side))
    stop = lines // side * side
    for start in range(0, stop, height):
        yield slice(start, min(start + height, stop))


def block_mean(values: NDArray[np.floating], side: int) -> NDArray[np.float32]:
    """Mean of each block over what it has.

    Args:
        values: (lines, samples), NaN = no data.
        side: Side of a block.

    Returns:
        (lines // side, samples // side) float32; NaN where a block has no data.
    """
    if side == 1:
        return values.astype(np.float32, copy=False)
    blocks = _blocks(values, side)
    known = np.isfinite(blocks)
    count = known.sum(axis=(1, 3))
    total = np.where(known, blocks, 0).sum(axis=(1, 3), dtype=np.float32)
    mean: NDArray[np.float32] = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return mean


def block_mode(values: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Commonest value of each block, the lowest of several; (lines // side, samples // side) uint8."""
    if side == 1:
        return values
    found = np.unique(values)
    place = np.zeros(256, np.int32)
    place[found] = np.arange(found.size)
    blocks = _blocks(values, side)
    rows, columns = blocks.shape[0], blocks.shape[2]
    first = np.arange(rows * columns, dtype=np.int32).reshape(rows, 1, columns, 1) * np.int32(found.size)
    counts = np.bincount((place[blocks] + first).ravel(), minlength=rows * columns * found.size)
    mode: NDArray[np.uint8] = found[counts.reshape(rows, columns, found.size).argmax(axis=2)]
    return mode


def _blocks(values: NDArray[np.generic], side: int) -> NDArray[np.generic]:
    """(rows, side, columns, side) of the whole blocks, a view."""
    rows, columns = (size // side for size in values.shape)
    return values[: rows * side, : columns * side].reshape(rows, side, columns, side)
