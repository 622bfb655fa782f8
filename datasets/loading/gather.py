"""Batches cut out of `ResidentScenes` on their device: what `read_batch` reads from a lake, number for number.

All that is small (coarse cells, tie points and their weights) is gathered for many patches at once, since each step of
it costs the host some microseconds however few the patches are; pixels are gathered batch by batch.

Shapes: N patches, H lines and W samples of each, C planes, K coarse channels of h x w cells.
"""

from typing import Final

import numpy as np
import torch

from datasets.grids import km2_index
from datasets.labels import IGNORE
from datasets.loading.batch import Batch
from datasets.loading.gather_ties import gather_ties
from datasets.loading.places import Places
from datasets.loading.resident import ResidentScenes
from datasets.loading.windows import MOSTLY_LAND
from datasets.stores.packing import ZONES

_COUNTED_AT_ONCE: Final = 1 << 22
"""Pixels whose labels are counted at a time: their indices take 32 MB."""

_COARSE_BYTES: Final = 1 << 26
"""Of the coarse cells, with their indices, of the patches that are gathered at once."""


def most_at_once(scenes: ResidentScenes, size: int) -> int:
    """How many patches of this side are best gathered at once."""
    height, width = scenes.reader.km2_shape(size, size)
    index_and_value = 8 + 4
    return max(_COARSE_BYTES // (index_and_value * max(len(scenes.reader.km2_channels), 1) * height * width), 1)


def count_pixels(scenes: ResidentScenes, places: Places, *, land: bool) -> torch.Tensor:
    """(N, 2) int32 on the device: pixels of each window with a label of any target, and pixels of land.

    Without `land` no land is counted.
    """
    many = len(places.scene)
    counts = torch.zeros(many, 2, dtype=torch.int32, device=scenes.device)
    at_once = max(_COUNTED_AT_ONCE // (places.shape[0] * places.shape[1]), 1)
    for start in range(0, many, at_once):
        rows = slice(start, min(start + at_once, many))
        pixels = _Pixels(scenes, places.part(rows))
        known = (pixels.of(scenes.labels, IGNORE, slice(None)) != IGNORE).any(dim=1)
        counts[rows, 0] = known.sum(dim=(1, 2), dtype=torch.int32)
        if land:
            zones = pixels.of(scenes.zones, ZONES.fill, slice(None))
            counts[rows, 1] = (zones * ZONES.scale < MOSTLY_LAND).sum(dim=(1, 2, 3), dtype=torch.int32)
    return counts


class Gathered:
    """Patches of which all but the pixels is gathered; `batch` gives some of them whole."""

    def __init__(self, scenes: ResidentScenes, places: Places) -> None:
        self.windows = places.windows(scenes)
        self._scenes, self._shape = scenes, places.shape
        self._pixels = _Pixels(scenes, places)
        self._month = scenes.months[torch.from_numpy(places.scene).to(scenes.device)]
        self._km2, self._offset = _coarse_cells(scenes, places)
        self._ties = gather_ties(scenes, places)

    def batch(self, rows: slice, y: torch.Tensor | None = None) -> Batch:
        """Some patches, on the device; `y` are their labels where they are not those of their pixels."""
        scenes, reader, windows = self._scenes, self._scenes.reader, self.windows[rows]
        nothing = (len(windows), 0, *self._shape)
        nodes, lines, samples = self._ties.of(rows)
        return Batch(
            sar=self._pixels.of(scenes.sar, scenes.sar_fill, rows)
            if reader.sar_channels
            else scenes.sar.new_empty(nothing),
            zones=self._pixels.of(scenes.zones, ZONES.fill, rows)
            if reader.zone_channels
            else scenes.zones.new_empty(nothing),
            nodes=nodes,
            lines=lines,
            samples=samples,
            km2=self._km2[rows],
            offset=self._offset[rows],
            month=self._month[rows],
            y=self._pixels.of(scenes.labels, IGNORE, rows) if y is None else y,
            windows=windows,
            sar_unit=scenes.sar_unit,
            sar_fill=scenes.sar_fill,
        )


class _Pixels:
    """Where the pixels of windows are in the rows of `ResidentScenes`."""

    def __init__(self, scenes: ResidentScenes, places: Places) -> None:
        shapes, kept = scenes.shapes[places.scene], places.inside(scenes)
        self._sticks_out = np.any(kept < np.array(places.shape), axis=1)
        lines_NH, samples_NW = (
            start[:, None] + np.minimum(np.arange(size), kept[:, axis, None] - 1)
            for axis, (start, size) in enumerate(zip((places.line, places.sample), places.shape, strict=True))
        )
        self._total = scenes.pixels
        to = scenes.device
        self._first_N = torch.from_numpy(scenes.first_pixel[places.scene]).to(to)
        self._plane_N = torch.from_numpy(shapes.prod(axis=1)).to(to)
        self._lines_NH = torch.from_numpy(lines_NH * shapes[:, 1:]).to(to)
        self._samples_NW = torch.from_numpy(samples_NW).to(to)
        self._kept_N2 = torch.from_numpy(kept).to(to)
        self._counting = [torch.arange(size, device=to) for size in places.shape]

    def of(self, row: torch.Tensor, fill: float, rows: slice) -> torch.Tensor:
        """(N, C, H, W) of some windows from a row of C planes per scene; `fill` beyond the scene."""
        planes = row.numel() // self._total
        plane_C = torch.arange(planes, device=row.device)
        first_NC = self._first_N[rows, None] * planes + plane_C * self._plane_N[rows, None]
        start_NCH = first_NC[:, :, None] + self._lines_NH[rows, None]
        found = row.take(start_NCH[..., None] + self._samples_NW[rows, None, None])
        if np.any(self._sticks_out[rows]):
            lines_NH, samples_NW = (
                counting >= self._kept_N2[rows, axis, None] for axis, counting in enumerate(self._counting)
            )
            found.masked_fill_((lines_NH[:, :, None] | samples_NW[:, None])[:, None], fill)
        return found


def _coarse_cells(scenes: ResidentScenes, places: Places) -> tuple[torch.Tensor, torch.Tensor]:
    """Cells (N, K, h, w) float32, and the place of each window's first pixel centre among them, (N, 2) float32."""
    reader, shape = scenes.reader, scenes.reader.km2_shape(*places.shape)
    first_pixels = np.stack([places.line, places.sample], axis=1).astype(np.float64)
    index = km2_index(first_pixels * reader.ratio + (reader.ratio - 1) / 2)
    first = np.floor(index)
    offset = torch.from_numpy((index - first).astype(np.float32)).to(scenes.device)
    many = len(reader.km2_channels)
    if not many:
        return torch.empty(len(index), 0, *shape, device=scenes.device), offset
    own = scenes.km2_shapes[places.scene]
    rows_Nh, columns_Nw = (
        np.clip(first[:, axis, None].astype(np.int64) + np.arange(shape[axis]), 0, own[:, axis, None] - 1)
        for axis in (0, 1)
    )
    plane_N = own.prod(axis=1)
    first_NK = scenes.first_cell[places.scene][:, None] * many + np.arange(many) * plane_N[:, None]
    start_NKh = first_NK[:, :, None] + (rows_Nh * own[:, 1:])[:, None]
    start, column = (torch.from_numpy(each).to(scenes.device) for each in (start_NKh, columns_Nw))
    return scenes.km2.take(start[..., None] + column[:, None, None]), offset
