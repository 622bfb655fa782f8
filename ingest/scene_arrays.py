"""The arrays of one scene on their way into its store: reduced at every ratio, rounded, counted, with CF attributes."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from datasets.channels import CHANNELS
from datasets.grids import NATIVE_SPACING
from datasets.labels import IGNORE, Chart
from datasets.scene import SceneRecord
from datasets.sigrid import NO_POLYGON
from datasets.stores.packing import ZONES, Packing
from datasets.stores.raster import Raster, mapped
from datasets.stores.scene_writer import Codec
from datasets.tie_grid import INCIDENCE
from ingest.array_queue import ArrayQueue
from ingest.cf_attributes import (
    POLYGON_ID,
    border_attributes,
    channel_attributes,
    chart_attributes,
    group_attributes,
    tie_point_attributes,
)
from ingest.geometry import TiePoints, squared_distance_to_border
from ingest.moments import Moments
from ingest.plausible import drop_implausible
from ingest.precision import (
    INCIDENCE_STEP,
    MEAN_STEP_DB,
    border_packing,
    geolocation_step,
    rounded,
    sar_packing,
    step_for,
    zone_quarters,
)
from ingest.product import Sensors, native_ratio
from ingest.recipe import Recipe
from ingest.reduce import block_maxima, block_mean, block_mean_power, block_minima, block_modes
from ingest.variables import DISTANCE, HH, HV, KM2

Next = TypeVar("Next")

_DIMS = ("line", "sample")


class SceneArrays:
    """The arrays of one scene on their way into its store, and the statistics computed from them."""

    def __init__(self, raw: Sensors, queue: ArrayQueue, recipe: Recipe) -> None:
        self._raw = raw
        self._queue = queue
        self._recipe = recipe
        self._ratios = recipe.ratios
        self._sizes = {ratio: native_ratio(raw, ratio) for ratio in recipe.ratios}
        self.moments: dict[str, dict[str, Moments]] = {}
        self.implausible: dict[str, int] = {}
        """Values that no instrument measures, by channel, in pixels of the file."""

    def sensors(
        self, tie_points: TiePoints, reading: Executor, following: Callable[[], Next]
    ) -> tuple[NDArray[np.bool_], Next]:
        """Writes what lies on the SAR grid but charts: geolocation, both bands, distance to land.

        Args:
            tie_points: Of the scene.
            reading: Where variables are read; each early, but only where there is memory for another raster.
            following: Reads what comes next.

        Returns:
            Where SAR has no data, (lines, samples), and what `following` gave.
        """
        first = reading.submit(self._raw.sar, HH)
        for field in tie_points.fields:
            self.geolocation(field, tie_points)
        values = first.result()
        del first
        self._queue.make_room()
        second = reading.submit(self._raw.sar, HV)
        invalid = self.sar(HH, values)
        values = second.result()
        del second
        self._queue.make_room()
        third = reading.submit(self._raw.sar, DISTANCE)
        invalid |= self.sar(HV, values)
        values = third.result()
        del third
        last = reading.submit(following)
        self.zones(values)
        del values
        found = last.result()
        del last
        self._queue.make_room()
        return invalid, found

    def sar(self, name: str, values: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Writes one SAR band, whose values it may keep; returns where it has no data."""
        self._drop_implausible(name, values)
        missing = np.isnan(values)
        step = step_for(self._recipe.sar_precision)
        mean_step = max(step, MEAN_STEP_DB)
        block = block_mean if self._recipe.sar_mean == "db" else block_mean_power
        attributes = channel_attributes(name, self._raw.attributes(name))
        # Coarse first: at size 1 the block is the array itself, which the other ratios need unrounded.
        for ratio in reversed(self._ratios):
            size = self._sizes[ratio]
            own = step if size == 1 else mean_step
            reduced = block(values, size)
            rounded(reduced, own, out=reduced)
            self._count(f"r{ratio}", name, reduced)
            packing = sar_packing(own, CHANNELS[name].plausible)
            codec: Codec = "noise" if size == 1 and packing is not None else "fast"
            self._write(ratio, name, reduced, np.nan, attributes, codec, packing=packing)
        return missing

    def zones(self, values: NDArray[np.float32]) -> None:
        """Writes the distance to land at every ratio; the values are rounded in place."""
        zone_quarters(values, mean=False)
        self._drop_implausible(DISTANCE, values)
        attributes = channel_attributes(DISTANCE, self._raw.attributes(DISTANCE))
        for ratio in reversed(self._ratios):
            size = self._sizes[ratio]
            reduced = values if size == 1 else zone_quarters(block_mean(values, size), mean=True)
            self._count(f"r{ratio}", DISTANCE, reduced)
            self._write(ratio, DISTANCE, reduced, np.nan, attributes, packing=ZONES)

    def geolocation(self, name: str, tie_points: TiePoints) -> None:
        """Writes one field of the tie points at every ratio, with its moments."""
        attributes = channel_attributes(name)
        for ratio in self._ratios:
            self.moments.setdefault(f"r{ratio}", {})[name] = tie_points.moments(name, self._raw.shape, ratio)
            step = INCIDENCE_STEP if name == INCIDENCE else geolocation_step(name, ratio)
            values = tie_points.raster(name, self._raw.shape, ratio, step=step)
            self._write(ratio, name, values, np.nan, attributes, "fast" if name == INCIDENCE else "dense")

    def border_distance(self, ids: NDArray[np.uint16]) -> None:
        """Writes the distance to the border of the polygon in metres, smallest of each block; NaN without a chart."""
        squares = squared_distance_to_border(ids) if self._raw.charted else np.full(ids.shape, np.nan, np.float32)
        found = block_minima(squares, self._sizes.values())
        del squares

        scale = np.float32(self._raw.pixel_spacing / NATIVE_SPACING)
        self.smallest_distances(lambda ratio: mapped(found.pop(self._sizes[ratio]), lambda part: np.sqrt(part) * scale))

    def smallest_distances(self, smallest: Callable[[int], Raster]) -> None:
        """Writes the distance to the border at every ratio, given what it is at a ratio.

        Where there is no border, and where the nearest is farther than what can be stored, the largest such distance.
        """
        attributes = border_attributes(self._raw.border_comment)
        for ratio in reversed(self._ratios):  # coarse first: the large array waits alone
            packing = border_packing(ratio)
            values = mapped(smallest(ratio), partial(np.minimum, np.float32(packing.limits[1])))
            self._write(ratio, "distance_to_border", values, np.nan, attributes, "dense", packing=packing)

    def polygons(self, ids: NDArray[np.uint16]) -> None:
        """Writes the polygon ids of the chart at every ratio: of each block that of the pixel in its middle.

        Args:
            ids: (lines, samples) uint16, `NO_POLYGON` where there is none.
        """
        for ratio in self._ratios:
            size = self._sizes[ratio]
            lines, samples = (length // size for length in ids.shape)
            middle = ids[size // 2 :: size, size // 2 :: size][:lines, :samples]
            self._write(ratio, "polygon_id", np.ascontiguousarray(middle), NO_POLYGON, POLYGON_ID)

    def chart(self, chart: Chart, values: NDArray[np.uint8]) -> None:
        """Writes one chart, reduced as the recipe says."""
        blocks = block_maxima if self._recipe.chart_reduction == "max" else block_modes
        found = blocks(values, self._sizes.values())
        attributes = chart_attributes(chart)
        for ratio, size in self._sizes.items():
            self._write(ratio, chart.name, found.pop(size), IGNORE, attributes)

    def coarse_grid(self) -> None:
        """Writes AMSR2 and ERA5 on their own grid."""
        for name in self._raw.km2_names:
            values = self._raw.km2(name)
            if name in KM2:
                values = cells = values.astype(np.float32, copy=False)
                self._drop_implausible(name, cells)
                self._count("km2", name, cells)
            attributes = channel_attributes(name, self._raw.attributes(name))
            fill = np.nan if name in KM2 else 255
            self._queue.put("km2", name, values, dims=("line_2km", "sample_2km"), fill=fill, attributes=attributes)

    def tie_point_grid(self) -> None:
        """Writes the geolocation points of the file."""
        for name, values in self._raw.tie_points().items():
            attributes = tie_point_attributes(name)
            self._queue.put("tie_points", name, values, dims=("point",), fill=np.nan, attributes=attributes)

    def finish(self, record: SceneRecord, attributes: Mapping[str, Any] | None = None) -> None:
        """Makes the store visible, once everything is written; `attributes` are more ones of its root."""
        self._queue.drain()
        self._queue.writer.finish(
            attributes={
                "Conventions": "CF-1.11",
                "title": "AI4Arctic scene: Sentinel-1 SAR, ice charts, AMSR2, ERA5",
                "source": record.source,
                **(attributes or {}),
                "record": record.model_dump(mode="json", exclude={"split"}),
                "moments": moments_json(self.moments),
            },
            groups=group_attributes(self._ratios, self._raw.codes, self._raw.tie_comment),
        )

    def _write(
        self,
        ratio: int,
        name: str,
        values: Raster,
        fill: float,
        attributes: Mapping[str, object],
        codec: Codec = "fast",
        *,
        packing: Packing | None = None,
    ) -> None:
        self._queue.put(
            f"r{ratio}", name, values, dims=_DIMS, fill=fill, attributes=attributes, codec=codec, packing=packing
        )

    def _drop_implausible(self, name: str, values: NDArray[np.float32]) -> None:
        count = drop_implausible(values, CHANNELS[name].plausible)
        if count:
            self.implausible[name] = count

    def _count(self, group: str, name: str, values: NDArray[np.generic]) -> None:
        self.moments.setdefault(group, {})[name] = Moments.of(values.astype(np.float32, copy=False))


def moments_json(moments: Mapping[str, Mapping[str, Moments]]) -> dict[str, dict[str, list[float]]]:
    """Count, mean and M2 by group and channel, as a store keeps them."""
    return {
        group: {name: [row.count, row.mean, row.m2] for name, row in rows.items()} for group, rows in moments.items()
    }
