"""Block reductions by a whole ratio, trimmed at the end like `xarray.coarsen(boundary="trim")`.

Rows are reduced first (whole lines, contiguous), then the columns of the result, in strips that stay in the processor's
cache: close to one pass over the input, without the temporaries of a four-axis reshape.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from datasets.labels import IGNORE
from ingest.errors import RecipeError

Number = TypeVar("Number", bound=np.generic)

_STRIP_BYTES: Final = 1 << 21


def block_mean(values: NDArray[np.float32], ratio: int) -> NDArray[np.float32]:
    """Mean of the finite pixels of each block; NaN where a block has none.

    Args:
        values: (lines, samples) float32, NaN = no data.
        ratio: Side of a block.

    Returns:
        (lines // ratio, samples // ratio) float32.
    """

    def reduce(strip: NDArray[np.float32]) -> NDArray[np.float32]:
        mean = _fold(strip, ratio, np.add)
        mean /= np.float32(ratio * ratio)
        # NaN shows in the sum, so only blocks with holes, few in nearly all scenes, are computed again.
        if np.isnan(mean.min()):
            holes = np.divmod(np.flatnonzero(np.isnan(mean)), mean.shape[1])  # a tenth of the time of np.nonzero
            mean[holes] = _mean_of_finite(_blocks(strip, ratio, holes))
        return mean

    return _reduced(values, ratio, reduce)


def block_mean_power(values: NDArray[np.float32], ratio: int) -> NDArray[np.float32]:
    """Mean of the linear power of each block, in dB again: what a coarser radar would have measured.

    Args:
        values: (lines, samples) float32 dB, NaN = no data.
        ratio: Side of a block.

    Returns:
        (lines // ratio, samples // ratio) float32 dB; NaN where a block has no finite pixel.
    """
    if ratio == 1:
        return values
    power = np.power(np.float32(10), values / np.float32(10))
    mean = block_mean(power, ratio)
    return np.float32(10) * np.log10(mean)


def block_mode(values: NDArray[np.uint8], ratio: int) -> NDArray[np.uint8]:
    """Commonest class of each block, the smaller of two; 255 where most of the block is unlabelled.

    A class border stays where it is, where `block_max` moves it towards the smaller class; and one unlabelled pixel
    does not take the label from a block.
    """

    def reduce(strip: NDArray[np.uint8]) -> NDArray[np.uint8]:
        shape = (strip.shape[0] // ratio, strip.shape[1] // ratio)
        most, labelled = np.zeros(shape, np.uint32), np.zeros(shape, np.uint32)
        result = np.full(shape, IGNORE, np.uint8)
        for value in np.unique(strip).tolist():
            if value == IGNORE:
                continue
            count = _fold((strip == value).astype(np.uint32), ratio, np.add)
            labelled += count
            result[count > most] = value
            np.maximum(most, count, out=most)
        result[2 * labelled < ratio * ratio] = IGNORE
        return result

    return _reduced(values, ratio, reduce)


def block_max(values: NDArray[np.uint8], ratio: int) -> NDArray[np.uint8]:
    """Largest value of each block: for charts, so one unlabelled pixel (255) makes the block unlabelled."""
    return _reduced(values, ratio, lambda strip: _fold(strip, ratio, np.maximum))


def block_min(values: NDArray[np.float32], ratio: int) -> NDArray[np.float32]:
    """Smallest value of each block: for the distance to the border."""
    return _reduced(values, ratio, lambda strip: _fold(strip, ratio, np.minimum))


def block_maxima(values: NDArray[np.uint8], ratios: Iterable[int]) -> dict[int, NDArray[np.uint8]]:
    """`block_max` at several ratios."""
    return _nested(values, ratios, block_max)


def block_minima(values: NDArray[np.float32], ratios: Iterable[int]) -> dict[int, NDArray[np.float32]]:
    """`block_min` at several ratios; at ratio 1 the array itself."""
    return _nested(values, ratios, block_min)


def block_modes(values: NDArray[np.uint8], ratios: Iterable[int]) -> dict[int, NDArray[np.uint8]]:
    """`block_mode` at several ratios."""
    return {ratio: block_mode(values, ratio) for ratio in ratios}


def check_ratio(shape: tuple[int, int], ratio: int) -> None:
    """Raises RecipeError if a block of this ratio does not fit into the scene once."""
    if ratio > min(shape):
        raise RecipeError(
            f"ratio {ratio} does not fit a scene of {shape[0]} x {shape[1]} pixels: use ratios of at most {min(shape)}"
        )


def _nested(
    values: NDArray[Number], ratios: Iterable[int], block: Callable[[NDArray[Number], int], NDArray[Number]]
) -> dict[int, NDArray[Number]]:
    """Blocks at several ratios, each made of the coarsest ones that fill it: of largest and smallest values alone."""
    found = {1: values}
    for ratio in sorted(ratios):
        finer = max(known for known in found if ratio % known == 0)
        found[ratio] = block(found[finer], ratio // finer)
    return {ratio: found[ratio] for ratio in ratios}


def _reduced(values: NDArray[Any], ratio: int, reduce: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[Any]:
    check_ratio((values.shape[0], values.shape[1]), ratio)
    if ratio == 1:
        return values
    lines, samples = (size // ratio for size in values.shape)
    result = np.empty((lines, samples), values.dtype)
    for start, stop in _strips(lines, ratio * samples * ratio * values.itemsize):
        result[start:stop] = reduce(values[start * ratio : stop * ratio, : samples * ratio])
    return result


def _strips(lines: int, line_bytes: int) -> Iterator[tuple[int, int]]:
    step = max(1, _STRIP_BYTES // line_bytes)
    return ((start, min(start + step, lines)) for start in range(0, lines, step))


def _blocks(strip: NDArray[np.float32], ratio: int, places: tuple[NDArray[np.intp], ...]) -> NDArray[np.float32]:
    """The blocks at these places of the reduced strip, (places, ratio, ratio)."""
    lines, samples = (size // ratio for size in strip.shape)
    grid = strip[: lines * ratio, : samples * ratio].reshape(lines, ratio, samples, ratio)
    blocks: NDArray[np.float32] = grid[places[0], :, places[1]]
    return blocks


def _mean_of_finite(blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means of the finite pixels of (blocks, ratio, ratio), (blocks,); NaN where a block has none."""
    present = ~np.isnan(blocks)
    np.copyto(blocks, np.float32(0), where=~present)
    total: NDArray[np.float32] = _fold(blocks.transpose(1, 2, 0), blocks.shape[1], np.add)[0, 0]
    count = np.count_nonzero(present, axis=(1, 2)).astype(np.float32)
    mean = np.full_like(total, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean


def _fold(strip: NDArray[Any], ratio: int, combine: np.ufunc) -> NDArray[Any]:
    lines = combine(strip[0::ratio], strip[1::ratio])
    for row in range(2, ratio):
        combine(lines, strip[row::ratio], out=lines)
    blocks: NDArray[Any] = combine(lines[:, 0::ratio], lines[:, 1::ratio])
    for column in range(2, ratio):
        combine(blocks, lines[:, column::ratio], out=blocks)
    return blocks
