"""Variables of a scene in blocks of pixels, for pictures: read in strips of lines, in little memory."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from datasets.labels import IGNORE
from datasets.scene import Scene

_STRIP_PIXELS: Final = 1 << 23
"""Pixels that are read at a time: 32 MB of floats."""


def mean_blocks(scene: Scene, ratio: int, name: str, factor: int) -> NDArray[np.float32]:
    """Means of the values that are data, (lines // factor, samples // factor) float32; NaN where there is none."""
    return _in_strips(scene, ratio, name, factor, _means).astype(np.float32, copy=False)


def most_frequent_blocks(scene: Scene, ratio: int, name: str, factor: int, n_classes: int) -> NDArray[np.uint8]:
    """The most frequent class of each block, 255 where no label is the most frequent; the lower class of two alike."""
    return _in_strips(scene, ratio, name, factor, lambda blocks: _most_frequent(blocks, n_classes))


def _in_strips(
    scene: Scene, ratio: int, name: str, factor: int, reduce: Callable[[NDArray[Any]], NDArray[Any]]
) -> NDArray[Any]:
    lines, samples = (length // factor for length in scene.shape(ratio))
    if factor == 1:
        return scene.window(ratio, name, slice(0, lines), slice(0, samples))
    strip = max(_STRIP_PIXELS // (samples * factor * factor), 1)
    parts = []
    for first in range(0, lines, strip):
        last = min(first + strip, lines)
        values = scene.window(ratio, name, slice(first * factor, last * factor), slice(0, samples * factor))
        parts.append(reduce(values.reshape(last - first, factor, samples, factor)))
    return np.concatenate(parts)


def _means(blocks: NDArray[np.floating]) -> NDArray[np.floating]:
    known = np.isfinite(blocks)
    count = known.sum(axis=(1, 3), dtype=np.int32)
    total = np.where(known, blocks, 0).sum(axis=(1, 3))
    means: NDArray[np.floating] = np.where(count > 0, total / np.maximum(count, 1), np.float32(np.nan))
    return means


def _most_frequent(blocks: NDArray[np.uint8], n_classes: int) -> NDArray[np.uint8]:
    best = (blocks == IGNORE).sum(axis=(1, 3), dtype=np.int32)
    found = np.full(best.shape, IGNORE, np.uint8)
    for value in range(n_classes):
        count = (blocks == value).sum(axis=(1, 3), dtype=np.int32)
        better = (count > best) | ((count == best) & (count > 0) & (found == IGNORE))
        found[better], best = value, np.maximum(count, best)
    return found
