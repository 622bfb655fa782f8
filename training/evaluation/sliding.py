"""Maps from patch-based networks: a window slides over the scene, and every pixel takes the class of the nearest one.

So patch-based and pixel-based trials are scored on the same pixels. Where windows lie and which one is nearest is index
arithmetic of its own; the network sees batches of bounded size, whatever the scene.

Shapes: B windows of a batch, C channels, K classes, P side of a window, H lines, W samples.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from datasets.loading.windows import window_starts
from training.evaluation.predict import SceneWindows, outputs_of, read_ahead

WINDOWS_AT_ONCE: Final = 32
"""Windows of one batch: of 16 channels and 224 x 224 pixels they are 100 MB."""


@dataclass(frozen=True, kw_only=True)
class Sliding:
    """The windows of one scene, of `size` pixels along a side: all pairs of a first line and a first sample, rising."""

    size: int
    shape: tuple[int, int]
    lines: NDArray[np.int32]
    samples: NDArray[np.int32]

    @classmethod
    def over(cls, shape: tuple[int, int], size: int, stride: int) -> "Sliding":
        """Windows every `stride` pixels, and those that end with the last line and sample; one on a shorter axis."""
        lines, samples = (window_starts(max(length, size), size, stride) for length in shape)
        return cls(size=size, shape=shape, lines=lines, samples=samples)

    @property
    def corners(self) -> NDArray[np.int32]:
        """First line and first sample of every window, (windows, 2), line of windows after line of windows."""
        return np.stack(np.meshgrid(self.lines, self.samples, indexing="ij"), axis=-1).reshape(-1, 2)

    def raster(self, classes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Gives every pixel the class of the window whose centre is nearest, (H, W) uint8.

        `classes` are (windows,) in the order of `corners`. Windows form a grid, so the nearest centre is nearest along
        each axis; of two equally near ones the earlier is taken.
        """
        owners = (
            nearest_window(starts, self.size, length)
            for starts, length in zip((self.lines, self.samples), self.shape, strict=True)
        )
        return classes.reshape(len(self.lines), len(self.samples))[np.ix_(*owners)]

    def find(self, corners: NDArray[np.integer]) -> NDArray[np.int64]:
        """Places of windows by their corners, (n, 2) line and sample; -1 where this is no window of the map."""
        places = np.zeros(len(corners), np.int64)
        known = np.ones(len(corners), np.bool_)
        for axis, starts in enumerate((self.lines, self.samples)):
            place = np.searchsorted(starts, corners[:, axis]).clip(max=len(starts) - 1)
            known &= starts[place] == corners[:, axis]
            places = places * len(starts) + place
        return np.where(known, places, -1)


def nearest_window(starts: NDArray[np.int32], size: int, length: int) -> NDArray[np.int64]:
    """Window whose centre `start + (size - 1) / 2` is nearest to each pixel 0..length-1; of two, the earlier.

    Doubled, borders between neighbours are whole numbers: no rounding decides.
    """
    borders_doubled = starts[1:] + starts[:-1] + size - 1
    return np.searchsorted(borders_doubled, 2 * np.arange(length), side="left").astype(np.int64)


def window_outputs(
    model: nn.Module,
    inputs: SceneWindows,
    corners: NDArray[np.integer],
    size: int,
    *,
    at_once: int = WINDOWS_AT_ONCE,
) -> Iterator[torch.Tensor]:
    """Outputs (B, K) of windows of one scene in their order, batch after batch.

    Windows of one line that overlap are read as one piece. What lies beyond the end of a scene that is smaller than a
    window is 0: the value of no data.
    Corners are (windows, 2), first line and first sample; sorted by line, then sample, they are read with least effort.
    The network maps (B, C, P, P) to (B, K) and is put in eval mode; a batch has at most `at_once` windows.
    """
    batches = [corners[start : start + at_once] for start in range(0, len(corners), at_once)]
    for x_BCPP in read_ahead(batches, lambda batch: _load(inputs, batch, size)):
        yield outputs_of(model, x_BCPP)


def _load(inputs: SceneWindows, corners: NDArray[np.integer], size: int) -> torch.Tensor:
    """Windows (B, C, P, P), padded with 0 at the end of the scene."""
    found: list[torch.Tensor] = []
    for line, starts in _pieces(corners, size):
        lines = slice(line, min(line + size, inputs.shape[0]))
        samples = slice(starts[0], min(starts[-1] + size, inputs.shape[1]))
        piece_CHW = inputs.window(lines, samples)
        for start in starts:
            x_CHW = piece_CHW[:, :, start - starts[0] : start - starts[0] + size]
            found.append(functional.pad(x_CHW, (0, size - x_CHW.shape[2], 0, size - x_CHW.shape[1])))
    return torch.stack(found)


def _pieces(corners: NDArray[np.integer], size: int) -> Iterator[tuple[int, list[int]]]:
    """Runs of windows on one line, each overlapping the one before: the line, and their first samples."""
    line, starts = -1, list[int]()
    for next_line, start in corners.tolist():
        if starts and (next_line != line or not starts[-1] <= start < starts[-1] + size):
            yield line, starts
            starts = []
        line = next_line
        starts.append(start)
    if starts:
        yield line, starts
