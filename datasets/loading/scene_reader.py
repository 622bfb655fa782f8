"""Windows of scenes as they are stored: from what this node has decoded, else straight from the lake's chunks.

Nothing is unpacked, normalized or interpolated here. SAR and the zones of distance to land come in the whole numbers of
the store; AMSR2 and ERA5 as the coarse cells around the window, with the place of its first pixel among them; latitude,
longitude and incidence angle as the tie points around it. All that is a seventh of the bytes of float32 channels.
"""

import math
from collections.abc import Sequence
from copy import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.channels import CHANNELS, LAND
from datasets.grids import KM2_PIXELS, km2_index
from datasets.labels import IGNORE
from datasets.lake import Lake
from datasets.loading.compressed_file import CompressedArray
from datasets.loading.decoded_scenes import DecodedScenes
from datasets.loading.node_cache import NodeCache
from datasets.loading.windows import BORDER, near_border
from datasets.scene import POLYGON_ID
from datasets.tie_grid import TIE_CHANNELS, TieGrid


class CoarseWindow(NamedTuple):
    """AMSR2 and ERA5 around a window of the SAR grid.

    Attributes:
        cells: (channels, h, w) float32 in physical units, NaN = no data; beyond the edge of the 2 km grid its last
            cells again, since the nearest cell is held there.
        offset: Fractional line and sample of the window's first pixel centre among the cells, 0 <= offset < 1.
    """

    cells: NDArray[np.float32]
    offset: tuple[float, float]


class SceneReader:
    """Reads windows of the scenes of one lake at one ratio.

    Cheap to make and to send to another process; stores and maps are opened by the process that reads.

    Args:
        lake: Where the scenes are.
        ratio: Downscale ratio.
        channels: Inputs in order; any grid.
        targets: Charts in order.
        cache: Decoded arrays of this node; None reads every window from the lake.
        dominance: Share of dominance of the labels, which then come from the polygons; None takes the charts.
    """

    def __init__(
        self,
        lake: Lake,
        *,
        ratio: int,
        channels: Sequence[str],
        targets: Sequence[str],
        cache: NodeCache | None,
        dominance: float | None = None,
    ) -> None:
        self.lake = lake
        self.ratio = ratio
        self.targets = tuple(targets)
        on_grid = [name for name in channels if CHANNELS[name].grid == "sar"]
        self.sar_channels = tuple(name for name in on_grid if name not in (*TIE_CHANNELS, LAND))
        self.zone_channels = tuple(name for name in on_grid if name == LAND)
        self.tie_channels = tuple(name for name in on_grid if name in TIE_CHANNELS)
        self.km2_channels = tuple(name for name in channels if CHANNELS[name].grid == "km2")
        self.cache = cache
        self.dominance = dominance
        self._decoded = DecodedScenes(lake, ratio, cache)
        places = [self._decoded.sar.index(name) for name in self.sar_channels]
        self._sar_planes: slice | list[int] = slice(None) if places == list(range(len(self._decoded.sar))) else places
        self._km2_planes = [self._decoded.km2.index(name) for name in self.km2_channels]
        self._tie_grids: dict[str, TieGrid] = {}
        self._class_tables: dict[str, NDArray[np.uint8]] = {}

    def __getstate__(self) -> dict[str, object]:
        """Every copy, in this process or another, opens its own stores."""
        return {**self.__dict__, "_decoded": copy(self._decoded), "_tie_grids": {}, "_class_tables": {}}

    def shape(self, scene_id: str) -> tuple[int, int]:
        """Lines and samples at the ratio."""
        return self._decoded.scene(scene_id).shape(self.ratio)

    def month(self, scene_id: str) -> int:
        """Month of acquisition, 1..12."""
        return self._decoded.scene(scene_id).record.acquired.month

    def labels(self, scene_id: str, lines: slice, samples: slice, *, border_distance: float = 0.0) -> NDArray[np.uint8]:
        """Window of the target charts, (targets, h, w) uint8, 255 = no label.

        Pixels nearer to a polygon border than `border_distance` metres have no label; 0 is no rule.
        """
        found = self._labels(scene_id, lines, samples)
        if border_distance > 0:
            near = near_border(self.border_distance(scene_id, lines, samples), border_distance)
            found = np.where(near, np.uint8(IGNORE), found)
        return found

    @property
    def sar_bytes(self) -> int:
        """Bytes of one pixel of one SAR channel, the same in all scenes of a lake."""
        return self.sar_form(self.lake.catalog().scene_ids[0])[0].itemsize

    def sar_form(self, scene_id: str) -> tuple[np.dtype[Any], float, float]:
        """How the store holds SAR: dtype, dB of one unit, and the number that is no data."""
        dtype, packing = self._decoded.scene(scene_id).stored(self.ratio, self._decoded.sar[0])
        return (dtype, 1.0, math.nan) if packing is None else (dtype, packing.scale, packing.fill)

    def sar(self, scene_id: str, lines: slice, samples: slice, out: NDArray[Any]) -> None:
        """Reads a window of the SAR channels into `out`, (SAR channels, h, w), as stored; see `sar_form`."""
        if not self.sar_channels:
            return
        stack = self._decoded.on_sar_grid(scene_id, self._decoded.sar)
        if stack is None:
            places = dict(zip(self.sar_channels, out, strict=True))
            self._decoded.scene(scene_id).windows(self.ratio, self.sar_channels, lines, samples, places, packed=True)
        elif isinstance(stack, CompressedArray):
            stack.read(lines, samples, out, self._sar_planes)
        else:
            out[...] = stack[self._sar_planes, lines, samples]

    def zones(self, scene_id: str, lines: slice, samples: slice) -> NDArray[np.uint8]:
        """Window of the zones of distance to land, (h, w) uint8 as stored; see `datasets.stores.packing.ZONES`."""
        return self._plane(scene_id, LAND, lines, samples)

    def tie_grid(self, scene_id: str) -> TieGrid:
        """The geolocation grid of a scene."""
        if scene_id not in self._tie_grids:
            self._tie_grids[scene_id] = TieGrid.from_points(self._decoded.scene(scene_id).tie_points())
        return self._tie_grids[scene_id]

    def border_distance(self, scene_id: str, lines: slice, samples: slice) -> NDArray[np.float32]:
        """Window of the metres to the nearest polygon border, (h, w) float32, NaN without a chart."""
        return self._physical(scene_id, BORDER, lines, samples)

    def land_distance(self, scene_id: str, lines: slice, samples: slice) -> NDArray[np.float32]:
        """Window of `distance_map`, (h, w) float32; zone 0 is land."""
        return self._physical(scene_id, LAND, lines, samples)

    def km2_shape(self, lines: int, samples: int) -> tuple[int, int]:
        """Coarse cells that a window of this size needs at any place: the same for every window of a batch."""
        height, width = ((length - 1) * self.ratio // KM2_PIXELS + 3 for length in (lines, samples))
        return height, width

    def km2(self, scene_id: str, line: int, sample: int, shape: tuple[int, int]) -> CoarseWindow:
        """Coarse cells around the window that starts at (line, sample); `shape` as `km2_shape` gave it."""
        starts = [km2_index(start * self.ratio + (self.ratio - 1) / 2) for start in (line, sample)]
        first = [math.floor(start) for start in starts]
        offset = (starts[0] - first[0], starts[1] - first[1])
        if not self.km2_channels:
            return CoarseWindow(np.empty((0, *shape), np.float32), offset)
        cells = self._decoded.on_km2_grid(scene_id)
        ends = [low + count for low, count in zip(first, shape, strict=True)]
        if min(first) >= 0 and ends[0] <= cells.shape[1] and ends[1] <= cells.shape[2]:
            return CoarseWindow(cells[self._km2_planes, first[0] : ends[0], first[1] : ends[1]], offset)
        rows, columns = (
            np.clip(np.arange(low, end), 0, last - 1)
            for low, end, last in zip(first, ends, cells.shape[1:], strict=True)
        )
        return CoarseWindow(cells[np.ix_(np.array(self._km2_planes), rows, columns)], offset)

    def km2_cells(self, scene_id: str) -> NDArray[np.float32]:
        """All cells of the AMSR2 and ERA5 channels, (channels, lines, samples) float32, NaN = no data."""
        if not self.km2_channels:
            return np.empty((0, 1, 1), np.float32)
        return self._decoded.on_km2_grid(scene_id)[self._km2_planes]

    def _labels(self, scene_id: str, lines: slice, samples: slice) -> NDArray[np.uint8]:
        if self.dominance is not None:
            ids = self._plane(scene_id, POLYGON_ID, lines, samples).astype(np.uint16, copy=False)
            if scene_id not in self._class_tables:
                self._class_tables[scene_id] = self._decoded.scene(scene_id).class_table(self.targets, self.dominance)
            return self._class_tables[scene_id][:, ids]
        if self.cache is None:  # all in one round of requests
            found = self._decoded.scene(scene_id).windows(self.ratio, self.targets, lines, samples, packed=True)
            return np.stack([found[name] for name in self.targets]).astype(np.uint8, copy=False)
        planes = [self._plane(scene_id, name, lines, samples) for name in self.targets]
        return np.array(planes)

    def _plane(self, scene_id: str, name: str, lines: slice, samples: slice) -> NDArray[Any]:
        """Window of one variable as stored."""
        stack = self._decoded.on_sar_grid(scene_id, (name,))
        if isinstance(stack, CompressedArray):
            window: NDArray[Any] = stack.window(lines, samples)[0]
            return window
        if stack is not None:
            return stack[0, lines, samples]
        return self._decoded.scene(scene_id).windows(self.ratio, (name,), lines, samples, packed=True)[name]

    def _physical(self, scene_id: str, name: str, lines: slice, samples: slice) -> NDArray[np.float32]:
        stored = self._plane(scene_id, name, lines, samples)
        _, packing = self._decoded.scene(scene_id).stored(self.ratio, name)
        if packing is None:
            return stored.astype(np.float32)
        values = np.empty(stored.shape, np.float32)
        packing.unpack(stored, values)
        return values
