"""`Batch`: patches as they travel from a loader to the device, and how windows of scenes become one.

A batch is allocated once and every patch is written straight to its place in it: each byte is copied once on its way
from the node's cache (by a worker process twice: into the memory that it shares with the trainer). SAR and zones travel
in the whole numbers of the lake, AMSR2 and ERA5 as coarse cells, latitude, longitude and incidence angle as tie points;
`assemble` makes the network's input of them on the device.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from datasets.loading.scene_reader import SceneReader
from datasets.stores.packing import ZONES


class Window(NamedTuple):
    """Where a patch is: scene, first line, first sample."""

    scene_id: str
    line: int
    sample: int


class Batch(NamedTuple):
    """Patches of one batch, B of them.

    Attributes:
        sar: (B, SAR channels, P, P) as the lake holds them: int16 in units of `sar_unit` dB with `sar_fill` for no
            data, or float32 dB with NaN.
        zones: (B, 0 or 1, P, P) uint8, distance to land as the lake holds it; see `datasets.stores.packing.ZONES`.
        nodes: (B, channels that follow from tie points, n, m) float32 degrees: the tie points around the patch.
        lines: (B, P, n) float32: their weights for each line of the patch; 0 beyond the scene.
        samples: (B, P, m) float32: their weights for each sample of the patch; 0 beyond the scene.
        km2: (B, AMSR2 and ERA5 channels, h, w) float32 in physical units, NaN = no data: the cells around the patch.
        offset: (B, 2) float32: fractional line and sample of the patch's first pixel centre among these cells.
        month: (B,) float32, 1..12.
        y: (B, targets, P, P) uint8 where pixel-based, (B, targets) uint8 where patch-based; 255 = no label.
        windows: Where each patch is.
        sar_unit: dB of one unit of `sar`.
        sar_fill: What `sar` holds where there is no data.
    """

    sar: torch.Tensor
    zones: torch.Tensor
    nodes: torch.Tensor
    lines: torch.Tensor
    samples: torch.Tensor
    km2: torch.Tensor
    offset: torch.Tensor
    month: torch.Tensor
    y: torch.Tensor
    windows: tuple[Window, ...]
    sar_unit: float = 1.0
    sar_fill: float = math.nan

    @property
    def tensors(self) -> tuple[torch.Tensor, ...]:
        """All that travels to the device, in order."""
        return self[:9]

    @property
    def nbytes(self) -> int:
        """Bytes that travel to the device: what lies on one already does not."""
        return sum(part.nbytes for part in self.tensors if part.device.type == "cpu")

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device; asynchronous from pinned memory."""
        return self._each(lambda part: part.to(device, non_blocking=True))

    def pin_memory(self) -> "Batch":
        """The batch in page-locked memory; called by the loader."""
        return self._each(torch.Tensor.pin_memory)

    def shared(self) -> "Batch":
        """The batch in memory that other processes can map; raises RuntimeError or OSError where there is none left."""
        return self._each(lambda part: part.share_memory_() if part.nbytes else part)  # type: ignore[no-untyped-call]

    def _each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> "Batch":
        return Batch._make((*map(change, self.tensors), *self[9:]))


def read_batch(reader: SceneReader, windows: Sequence[Window], shape: tuple[int, int], y: NDArray[np.uint8]) -> Batch:
    """Reads the inputs of windows of one shape (lines, samples); `y` are their labels, as `Batch` has them."""
    count, coarse = len(windows), reader.km2_shape(*shape)
    dtype, unit, fill = reader.sar_form(windows[0].scene_id)
    sar = np.empty((count, len(reader.sar_channels), *shape), dtype)
    zones = np.empty((count, len(reader.zone_channels), *shape), np.uint8)
    km2 = np.empty((count, len(reader.km2_channels), *coarse), np.float32)
    offset, month = np.empty((count, 2), np.float32), np.empty(count, np.float32)
    parts = []
    for row, window in enumerate(windows):
        lines, samples = inside(window, shape, reader.shape(window.scene_id))
        part = (slice(lines.stop - lines.start), slice(samples.stop - samples.start))
        if (part[0].stop, part[1].stop) != shape:  # what lies beyond the scene is no data
            sar[row], zones[row] = fill, ZONES.fill
        reader.sar(window.scene_id, lines, samples, sar[row][:, *part])
        if reader.zone_channels:
            zones[row, 0][part] = reader.zones(window.scene_id, lines, samples)
        parts.append((lines, samples))
        km2[row], offset[row] = reader.km2(*window, coarse)
        month[row] = reader.month(window.scene_id)
    nodes, of_lines, of_samples = _ties(reader, windows, parts, shape)
    return Batch(
        sar=torch.from_numpy(sar),
        zones=torch.from_numpy(zones),
        nodes=torch.from_numpy(nodes),
        lines=torch.from_numpy(of_lines),
        samples=torch.from_numpy(of_samples),
        km2=torch.from_numpy(km2),
        offset=torch.from_numpy(offset),
        month=torch.from_numpy(month),
        y=torch.from_numpy(y),
        windows=tuple(windows),
        sar_unit=unit,
        sar_fill=fill,
    )


def inside(window: Window, shape: tuple[int, int], scene: tuple[int, int]) -> tuple[slice, slice]:
    """Lines and samples of the part of a window of this shape that lies in its scene of that shape."""
    lines, samples = (
        slice(start, min(start + size, length)) for start, size, length in zip(window[1:], shape, scene, strict=True)
    )
    return lines, samples


def _ties(
    reader: SceneReader, windows: Sequence[Window], parts: Sequence[tuple[slice, slice]], shape: tuple[int, int]
) -> list[NDArray[np.float32]]:
    """Nodes and weights of the `parts` of windows in their scenes; those of fewer tie points get some of no weight."""
    count, names = len(windows), reader.tie_channels
    if not names:
        return [np.zeros(empty, np.float32) for empty in ((count, 0, 0, 0), *((count, size, 0) for size in shape))]
    grids = [reader.tie_grid(window.scene_id) for window in windows]
    firsts, counts, weights = [], [], []
    for axis, size in enumerate(shape):
        # A line beyond the scene is far from every node.
        places, last = np.full((count, size), -np.inf), np.empty(count)
        for row, (grid, part) in enumerate(zip(grids, parts, strict=True)):
            own = grid.places(axis, part[axis].start, part[axis].stop, reader.ratio)
            places[row, : own.size], last[row] = own, own[-1]
        first = np.floor(places[:, 0])
        many = (np.ceil(last) - first).astype(int) + 1
        away = (places - first[:, None])[:, :, None] - np.arange(many.max())
        np.subtract(1.0, np.abs(away, out=away), out=away)
        weights.append(np.maximum(away, 0.0, out=away).astype(np.float32))
        firsts.append(first.astype(int).tolist())
        counts.append(many.tolist())
    nodes = np.zeros((count, len(names), *map(max, counts)), np.float32)
    for row, grid in enumerate(grids):
        (line, sample), (n, m) = ([each[row] for each in both] for both in (firsts, counts))
        nodes[row, :, :n, :m] = grid.nodes(names, (slice(line, line + n), slice(sample, sample + m)))
    return [nodes, *weights]
