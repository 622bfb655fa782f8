"""Predictions for whole scenes of any size: the one door through which validation, scoring and maps get theirs.

A pixel-based network goes by tiles (`tiles`), a patch-based one by windows (`sliding`). No more of a scene than one
tile of inputs and outputs, the next one's inputs, and the class rasters is ever held.

Shapes: B batch, C channels, K outputs, H lines, W samples.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from training.evaluation.tiles import Tiling
from training.models.heads import Head

LabelledOutputs = Iterator[tuple[torch.Tensor, torch.Tensor]]
"""Outputs (B, K, ...) of a network, and labels (B, T, ...) uint8, 255 = no label, on its device."""

Given = TypeVar("Given")
Loaded = TypeVar("Loaded")


class SceneWindows(Protocol):
    """The inputs of one scene, read window by window."""

    @property
    def shape(self) -> tuple[int, int]:
        """Lines and samples at the trial's ratio."""

    def window(self, lines: slice, samples: slice) -> torch.Tensor:
        """Inputs (C, H, W) float32 of a window inside the scene: normalized, no NaN, on the network's device.

        Called from one thread at a time, which is not always the same.
        """


class LabelledWindows(SceneWindows, Protocol):
    """A scene whose charts are at hand too."""

    def labels(self, lines: slice, samples: slice) -> torch.Tensor:
        """Labels (T, H, W) uint8 of a window, 255 = no label, on the network's device."""


@dataclass(frozen=True, kw_only=True)
class TileOutputs:
    """What a network says of a tile: outputs (K, H, W) float32 of exactly these pixels, on the network's device."""

    lines: slice
    samples: slice
    outputs_KHW: torch.Tensor


@torch.inference_mode()
def outputs_of(model: nn.Module, x_BCHW: torch.Tensor) -> torch.Tensor:
    """Outputs (B, K, ...) float32 of a network in eval mode.

    Inference is in float32 on every machine: bfloat16 would break near ties between classes differently from one GPU to
    the next.
    """
    model.eval()
    outputs: torch.Tensor = model(x_BCHW.float())
    return outputs.float()


def predict_tiles(model: nn.Module, inputs: SceneWindows, tiling: Tiling) -> Iterator[TileOutputs]:
    """Outputs for a whole scene, tile by tile; while one is computed, the next one's inputs are read.

    The network maps (B, C, H, W) to (B, K, H, W) and is put in eval mode.

    Yields:
        Tiles that cover the scene once. Keep results, not outputs: they are as large as the tile times K.
    """
    tiles = list(tiling.tiles(inputs.shape))
    windows = read_ahead(tiles, lambda tile: inputs.window(tile.outer_lines, tile.outer_samples))
    for tile, x_CHW in zip(tiles, windows, strict=True):
        lines, samples = tile.inner
        outputs_KHW = outputs_of(model, x_CHW[None])[0]
        yield TileOutputs(lines=tile.lines, samples=tile.samples, outputs_KHW=outputs_KHW[:, lines, samples])


def labelled_tiles(model: nn.Module, scene: LabelledWindows, tiling: Tiling) -> LabelledOutputs:
    """Outputs (1, K, h, w) float32 of every tile of a scene beside its labels (1, T, h, w) uint8, on one device."""
    for tile in predict_tiles(model, scene, tiling):
        yield tile.outputs_KHW[None], scene.labels(tile.lines, tile.samples)[None]


def predict_scene(
    model: nn.Module,
    inputs: SceneWindows,
    heads: Sequence[Head],
    tiling: Tiling,
    look: Callable[[TileOutputs], None] = lambda tile: None,
) -> dict[str, NDArray[np.uint8]]:
    """Class of every pixel by chart, (H, W) uint8 each, masked pixels included (scoring leaves them out by the truth).

    Classes are taken on the network's device; only they leave it. `look` is given every tile on its way.
    """
    rasters = {head.chart.name: np.empty(inputs.shape, np.uint8) for head in heads}
    for tile in predict_tiles(model, inputs, tiling):
        for head in heads:
            classes_HW = head.classes(tile.outputs_KHW[None])[0]
            rasters[head.chart.name][tile.lines, tile.samples] = classes_HW.cpu().numpy()
        look(tile)
    return rasters


class _FirstWindow:
    """Inputs of which one window was read beforehand; it is given away once and not kept."""

    def __init__(self, inputs: SceneWindows, lines: slice, samples: slice) -> None:
        self._inputs = inputs
        self._place = (lines, samples)
        self._first: torch.Tensor | None = inputs.window(lines, samples)

    @property
    def shape(self) -> tuple[int, int]:
        return self._inputs.shape

    def window(self, lines: slice, samples: slice) -> torch.Tensor:
        first, self._first = self._first, None
        return first if first is not None and (lines, samples) == self._place else self._inputs.window(lines, samples)


def with_first_window(inputs: SceneWindows, tiling: Tiling) -> SceneWindows:
    """Reads the first tile's inputs now, so that the network need not wait for them when the scene's turn comes."""
    first = next(tiling.tiles(inputs.shape))
    return _FirstWindow(inputs, first.outer_lines, first.outer_samples)


def read_ahead(given: Iterable[Given], load: Callable[[Given], Loaded]) -> Iterator[Loaded]:
    """`map(load, given)` with the next one loaded in a thread while the caller, or `given`, works on another one.

    An error of `load` is raised here, when its turn comes.
    """
    reader = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
    try:
        waiting: Future[Loaded] | None = None
        for each in given:
            ready, waiting = waiting, reader.submit(load, each)
            if ready is not None:
                yield ready.result()
        if waiting is not None:
            yield waiting.result()
    finally:
        # Not waited for: a generator that was left half-way is closed by whichever thread collects it, and that may be
        # the very one that its reader waits for.
        reader.shutdown(wait=False, cancel_futures=True)
