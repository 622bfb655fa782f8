"""`ResidentScenes`: packed scenes that lie in the memory of a device, so that patches are cut out there.

512 scenes take six bytes per pixel with two SAR channels, zones of land and one chart: 83 GB at ratio 2, 13 GB at ratio
5, 3 GB at ratio 10. All scenes of one kind lie in one row, so that a batch of patches is one indexed read of it.
"""

import copy
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from datasets.grids import centres
from datasets.loading.scene_reader import SceneReader
from datasets.tie_grid import TieGrid

_LINES: Final = 2048
"""Lines of a scene that are read at a time."""


class ResidentScenes:
    """Scenes as a `SceneReader` reads them, held whole by a device; nothing is held before `load`.

    What lies in one row is scene after scene, each (planes, lines, samples) in C order.

    Attributes:
        reader: Its channels and charts are held.
        device: Where.
        scene_ids: S of them, in the order in which they lie.
        place_of: Place of a scene in this order.
        shapes: (S, 2) int64, lines and samples of each scene.
        pixels: Of all scenes together.
        first_pixel: (S,) int64, pixels before each scene.
        sar: SAR channels as the lake holds them, in one row; `sar_unit` and `sar_fill` as in `Batch`.
        zones: Zones of distance to land as the lake holds them, uint8, in one row; empty where nothing wants them.
        labels: Target charts, uint8, 255 = no label, in one row; empty where nothing wants them.
        km2: AMSR2 and ERA5 cells, float32, in one row; `km2_shapes` and `first_cell` as `shapes` and `first_pixel`.
        months: (S,) float32.
        nodes: (S, channels that follow from tie points, n, m) float64 degrees; scenes with fewer points are padded.
        ties: Place of every line and of every sample of each scene among its tie points, float64, in a row each;
            `host_ties` the same on the host, `first_tie` where each scene begins.

    Args:
        reader: Reads the scenes.
        scene_ids: Which; each is held once.
        device: Where.
        border_distance: Pixels nearer to a polygon border than these metres are held as unlabelled.
        land: Whether zones of land are held though no channel wants them.
        charts: Whether the target charts are held; patches that have one label need none.
    """

    def __init__(
        self,
        reader: SceneReader,
        scene_ids: Sequence[str],
        device: torch.device,
        *,
        border_distance: float = 0.0,
        land: bool = False,
        charts: bool = True,
    ) -> None:
        self.reader = reader
        self.device = device
        self.scene_ids = tuple(sorted(set(scene_ids)))
        self.place_of = {scene_id: place for place, scene_id in enumerate(self.scene_ids)}
        self.shapes = np.array([reader.shape(scene_id) for scene_id in self.scene_ids], np.int64)
        self.pixels = int(self.shapes.prod(axis=1).sum())
        self.first_pixel = _firsts(self.shapes.prod(axis=1))
        _, self.sar_unit, self.sar_fill = reader.sar_form(self.scene_ids[0])
        self._border_distance = border_distance
        self._zones = int(land or bool(reader.zone_channels))
        self._charts = len(reader.targets) if charts else 0

    @property
    def nbytes(self) -> int:
        """Bytes of the device that `load` takes, but for a few MB of coarse grids."""
        reader = self.reader
        return self.pixels * (reader.sar_bytes * len(reader.sar_channels) + self._zones + self._charts)

    def load(self, threads: int, progress: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Reads all scenes, several at a time; `progress` is called with scenes done and their total.

        Raises:
            torch.cuda.OutOfMemoryError: The device is full.
        """
        reader, device = self.reader, self.device
        sar_type = torch.from_numpy(np.empty(0, reader.sar_form(self.scene_ids[0])[0])).dtype
        self.sar = torch.empty(len(reader.sar_channels) * self.pixels, dtype=sar_type, device=device)
        self.zones = torch.empty(self._zones * self.pixels, dtype=torch.uint8, device=device)
        self.labels = torch.empty(self._charts * self.pixels, dtype=torch.uint8, device=device)
        self.months = torch.tensor([float(reader.month(each)) for each in self.scene_ids], device=device)
        coarse: list[tuple[NDArray[np.float32], TieGrid | None]] = []
        with ThreadPoolExecutor(max(threads, 1), thread_name_prefix="resident") as pool:
            for found in pool.map(self._load, range(len(self.scene_ids))):
                coarse.append(found)
                progress(len(coarse), len(self.scene_ids))
        cells, ties = zip(*coarse, strict=True)
        self.km2_shapes = np.array([own.shape[1:] for own in cells], np.int64)
        self.first_cell = _firsts(self.km2_shapes.prod(axis=1))
        self.km2 = torch.from_numpy(np.concatenate([own.reshape(-1) for own in cells])).to(device)
        if reader.tie_channels:
            self._hold_ties(ties)
        if device.type == "cuda":  # other streams than the one that brought them read them too
            torch.cuda.synchronize(device)

    def scene(self, row: torch.Tensor, place: int) -> torch.Tensor:
        """View (planes, lines, samples) of a scene in `sar`, `zones` or `labels`."""
        planes, (lines, samples) = row.numel() // self.pixels, self.shapes[place].tolist()
        first = planes * int(self.first_pixel[place])
        return row[first : first + planes * lines * samples].view(planes, lines, samples)

    def _load(self, place: int) -> tuple[NDArray[np.float32], TieGrid | None]:
        """Puts a scene in its place; gives the cells of its 2 km grid and its tie points."""
        reader, scene_id = copy.copy(self.reader), self.scene_ids[place]  # a copy opens stores of its own
        sar, zones, labels = (self.scene(row, place) for row in (self.sar, self.zones, self.labels))
        length, width = self.shapes[place].tolist()
        samples = slice(0, width)
        for start in range(0, length, _LINES):
            lines = slice(start, min(start + _LINES, length))
            read = np.empty((len(sar), lines.stop - start, width), reader.sar_form(scene_id)[0])
            reader.sar(scene_id, lines, samples, read)
            sar[:, lines] = torch.from_numpy(read).to(self.device)
            if self._charts:
                read = reader.labels(scene_id, lines, samples, border_distance=self._border_distance)
                labels[:, lines] = torch.from_numpy(read).to(self.device)
            if self._zones:
                zones[0, lines] = torch.from_numpy(np.array(reader.zones(scene_id, lines, samples))).to(self.device)
        return reader.km2_cells(scene_id), reader.tie_grid(scene_id) if reader.tie_channels else None

    def _hold_ties(self, grids: Sequence[TieGrid]) -> None:
        names, axes = self.reader.tie_channels, [(grid.lines, grid.samples) for grid in grids]
        nodes = np.zeros((len(grids), len(names), *(max(map(len, own)) for own in zip(*axes, strict=True))))
        for place, grid in enumerate(grids):
            for field, name in enumerate(names):
                nodes[place, field, : len(grid.lines), : len(grid.samples)] = grid.fields[name]
        self.nodes = torch.from_numpy(nodes).to(self.device)
        self.host_ties = [
            np.concatenate(
                [
                    np.interp(centres(0, int(length), self.reader.ratio), own[axis], np.arange(len(own[axis])))
                    for own, length in zip(axes, self.shapes[:, axis], strict=True)
                ]
            )
            for axis in (0, 1)
        ]
        self.ties = [torch.from_numpy(row).to(self.device) for row in self.host_ties]
        self.first_tie = [_firsts(self.shapes[:, axis]) for axis in (0, 1)]


def _firsts(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each of some parts of these lengths begins in a row."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)[:-1]])
