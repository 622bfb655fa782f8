"""The arrays of one scene on their way into its store: reduced at every ratio, rounded, counted, with CF attributes."""

import math
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Executor, Future
from typing import Final

import numpy as np
from numpy.typing import NDArray

from datasets.channels import CHANNELS
from datasets.grids import KM2_PIXELS, NATIVE_SPACING, pixel_spacing
from datasets.labels import IGNORE, Chart
from datasets.scene import POLYGON_CODES, POLYGONS, SceneRecord
from datasets.sigrid import NO_POLYGON
from datasets.stores.packing import ZONES, Packing
from datasets.stores.scene_writer import Codec, SceneWriter
from datasets.tie_grid import INCIDENCE, LATITUDE, LONGITUDE
from ingest.geometry import TiePoints, distance_to_border
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
from ingest.product import SourceScene, native_ratio
from ingest.recipe import Recipe
from ingest.reduce import block_max, block_mean, block_mean_power, block_min, block_mode
from ingest.variables import DISTANCE, KM2

_DIMS = ("line", "sample")
_COORDINATES = "sar_latitude sar_longitude"
_WAITING_FACTOR: Final = 1.1
"""Of a raster of 40 m: what may wait to be written. The raster at work and the one being read come on top."""


class SceneArrays:
    """The arrays of one scene on their way into its store, and the statistics computed from them.

    Arrays are written in the given thread while the next ones are read and computed: encoding and decoding share the
    processors. What waits there is little more than one raster.
    """

    def __init__(self, raw: SourceScene, writer: SceneWriter, thread: Executor, recipe: Recipe) -> None:
        self._raw = raw
        self._writer = writer
        self._thread = thread
        self._writing: deque[tuple[int, Future[None]]] = deque()
        self._recipe = recipe
        self._ratios = recipe.ratios
        self._raster_bytes = 4 * math.prod(raw.shape)
        self.moments: dict[str, dict[str, Moments]] = {}
        self.implausible: dict[str, int] = {}
        """Values that no instrument measures, by channel, in pixels of the file."""

    def sar(self, name: str, values: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Writes one SAR band, whose values it may keep; returns where it has no data."""
        self._drop_implausible(name, values)
        missing = np.isnan(values)
        step = step_for(self._recipe.sar_precision)
        mean_step = max(step, MEAN_STEP_DB)
        block = block_mean if self._recipe.sar_mean == "db" else block_mean_power
        attributes, plausible = self._attributes(name), CHANNELS[name].plausible
        # Coarse first: at size 1 the block is the array itself, which the other ratios need unrounded.
        for ratio in reversed(self._ratios):
            size = native_ratio(self._raw, ratio)
            own = step if size == 1 else mean_step
            reduced = block(values, size)
            rounded(reduced, own, out=reduced)
            self._count(f"r{ratio}", name, reduced)
            self._write(ratio, name, reduced, np.nan, attributes, packing=sar_packing(own, plausible))
        return missing

    def zones(self, values: NDArray[np.float32]) -> None:
        """Writes the distance to land at every ratio; the values are rounded in place."""
        zone_quarters(values, mean=False)
        self._drop_implausible(DISTANCE, values)
        attributes = self._attributes(DISTANCE)
        for ratio in reversed(self._ratios):
            size = native_ratio(self._raw, ratio)
            reduced = values if size == 1 else zone_quarters(block_mean(values, size), mean=True)
            self._count(f"r{ratio}", DISTANCE, reduced)
            self._write(ratio, DISTANCE, reduced, np.nan, attributes, packing=ZONES)

    def geolocation(self, name: str, tie_points: TiePoints) -> None:
        """Writes one field of the tie points at every ratio, with its moments."""
        attributes = _channel_attributes(name)
        for ratio in self._ratios:
            self.moments.setdefault(f"r{ratio}", {})[name] = tie_points.moments(name, self._raw.shape, ratio)
            step = INCIDENCE_STEP if name == INCIDENCE else geolocation_step(ratio)
            values = tie_points.field(name, self._raw.shape, ratio, step=step)
            self._write(ratio, name, values, np.nan, attributes, "fast" if name == INCIDENCE else "dense")

    def border_distance(self, ids: NDArray[np.uint16]) -> None:
        """Writes the distance to the border of the polygon in metres, smallest of each block; NaN without a chart.

        Where there is no border, and where the nearest is farther than what can be stored, the largest such distance.
        """
        if self._raw.charted:
            values = distance_to_border(ids)
            if self._raw.pixel_spacing != NATIVE_SPACING:
                values *= self._raw.pixel_spacing / NATIVE_SPACING
        else:
            values = np.full(ids.shape, np.nan, np.float32)
        attributes = {
            "long_name": "distance to the nearest pixel of another polygon or of none",
            "units": "m",
            "comment": self._raw.border_comment,
            "coordinates": _COORDINATES,
        }
        for ratio in reversed(self._ratios):  # coarse first: at full resolution values are rounded in place
            smallest = block_min(values, native_ratio(self._raw, ratio))
            packing = border_packing(ratio)
            np.minimum(smallest, np.float32(packing.limits[1]), out=smallest)
            self._write(ratio, "distance_to_border", smallest, np.nan, attributes, "dense", packing=packing)

    def polygons(self, ids: NDArray[np.uint16]) -> None:
        """Writes the polygon ids of the chart at every ratio: of each block that of the pixel in its middle.

        Args:
            ids: (lines, samples) uint16, `NO_POLYGON` where there is none.
        """
        attributes = {
            "long_name": "ice chart polygon, an id of this scene's polygon_codes",
            "comment": "of the pixel in the middle of the block",
            "no_polygon": NO_POLYGON,
            "coordinates": _COORDINATES,
        }
        for ratio in self._ratios:
            size = native_ratio(self._raw, ratio)
            lines, samples = (length // size for length in ids.shape)
            middle = ids[size // 2 :: size, size // 2 :: size][:lines, :samples]
            self._write(ratio, "polygon_id", np.ascontiguousarray(middle), NO_POLYGON, attributes)

    def chart(self, chart: Chart, values: NDArray[np.uint8]) -> None:
        """Writes one chart, reduced as the recipe says."""
        block = block_max if self._recipe.chart_reduction == "max" else block_mode
        attributes = {
            "long_name": chart.long_name,
            "flag_values": list(range(chart.n_classes)),
            "flag_meanings": " ".join(name.replace("%", "_percent") for name in chart.classes),
            "ignore_value": IGNORE,
            "coordinates": _COORDINATES,
        }
        for ratio in self._ratios:
            self._write(ratio, chart.name, block(values, native_ratio(self._raw, ratio)), IGNORE, attributes)

    def coarse_grid(self) -> None:
        """Writes AMSR2 and ERA5 on their own grid."""
        for name in self._raw.km2_names:
            values = self._raw.km2(name)
            attributes = self._attributes(name)
            if name in KM2:
                values = cells = values.astype(np.float32, copy=False)
                self._drop_implausible(name, cells)
                self._count("km2", name, cells)
            self._array(
                "km2",
                name,
                values,
                dims=("line_2km", "sample_2km"),
                fill=np.nan if name in KM2 else 255,
                attributes=attributes,
            )

    def tie_point_grid(self) -> None:
        """Writes the geolocation points of the file."""
        for name, values in self._raw.tie_points().items():
            self._array(
                "tie_points",
                name,
                values,
                dims=("point",),
                fill=np.nan,
                attributes={
                    "units": "1" if name.endswith(("_line", "_sample")) else "m" if "height" in name else "degree"
                },
            )

    def make_room(self) -> None:
        """Waits until next to nothing is left to be written: before another raster is read ahead."""
        self._wait((_WAITING_FACTOR - 1) * self._raster_bytes)

    def finish(self, record: SceneRecord) -> None:
        """Makes the store visible, once everything is written."""
        self._wait(0)
        content = record.model_dump(mode="json", exclude={"split"})
        self._writer.finish(
            attributes={
                "Conventions": "CF-1.11",
                "title": "AI4Arctic scene: Sentinel-1 SAR, ice charts, AMSR2, ERA5",
                "source": record.source,
                "record": content,
                "moments": moments_json(self.moments),
            },
            groups={
                **{
                    f"r{ratio}": {
                        "pixel_spacing": pixel_spacing(ratio),
                        "pixel_spacing_units": "m",
                        "downscale_ratio": ratio,
                        "comment": "satellite geometry: line along, sample across the flight direction",
                    }
                    for ratio in self._ratios
                },
                **({POLYGONS: {POLYGON_CODES: list(self._raw.codes)}} if self._raw.codes else {}),
                "km2": {"pixel_spacing": KM2_PIXELS * NATIVE_SPACING, "pixel_spacing_units": "m"},
                "tie_points": {"comment": self._raw.tie_comment},
            },
        )

    def _write(
        self,
        ratio: int,
        name: str,
        values: NDArray[np.generic],
        fill: float,
        attributes: Mapping[str, object],
        codec: Codec = "fast",
        *,
        packing: Packing | None = None,
    ) -> None:
        self._array(
            f"r{ratio}", name, values, dims=_DIMS, fill=fill, attributes=attributes, codec=codec, packing=packing
        )

    def _array(
        self,
        group: str,
        name: str,
        values: NDArray[np.generic],
        *,
        dims: tuple[str, ...],
        fill: float,
        attributes: Mapping[str, object],
        codec: Codec = "fast",
        packing: Packing | None = None,
    ) -> None:
        self._wait(_WAITING_FACTOR * self._raster_bytes - values.nbytes)
        writing = self._thread.submit(
            self._writer.array,
            group,
            name,
            values,
            dims=dims,
            fill=fill,
            attributes=attributes,
            codec=codec,
            packing=packing,
        )
        self._writing.append((values.nbytes, writing))

    def _wait(self, allowed: float) -> None:
        """Waits until arrays of at most so many bytes are still to be written; raises what a write raised."""
        while self._writing and (self._writing[0][1].done() or sum(size for size, _ in self._writing) > allowed):
            self._writing.popleft()[1].result()

    def _drop_implausible(self, name: str, values: NDArray[np.float32]) -> None:
        count = drop_implausible(values, CHANNELS[name].plausible)
        if count:
            self.implausible[name] = count

    def _count(self, group: str, name: str, values: NDArray[np.generic]) -> None:
        self.moments.setdefault(group, {})[name] = Moments.of(values.astype(np.float32, copy=False))

    def _attributes(self, name: str) -> dict[str, object]:
        return {**_plain(self._raw.attributes(name)), **_channel_attributes(name)}


def _channel_attributes(name: str) -> dict[str, object]:
    channel = CHANNELS.get(name)
    if channel is None:  # swath maps: counted and kept, no inputs
        return {}
    found: dict[str, object] = {"long_name": channel.long_name, "units": channel.units}
    if name in (LATITUDE, LONGITUDE):
        return {**found, "standard_name": name.removeprefix("sar_")}
    return {**found, "coordinates": _COORDINATES} if channel.grid == "sar" else found


def _plain(attributes: Mapping[str, object]) -> dict[str, object]:
    """JSON values; `min` and `max` are of the raw raster and would be wrong at other ratios."""
    kept = {name: value for name, value in attributes.items() if name not in ("min", "max")}
    return {
        name: value.tolist() if isinstance(value, np.ndarray | np.generic) else value for name, value in kept.items()
    }


def moments_json(moments: Mapping[str, Mapping[str, Moments]]) -> dict[str, dict[str, list[float]]]:
    """Count, mean and M2 by group and channel, as a store keeps them."""
    return {
        group: {name: [row.count, row.mean, row.m2] for name, row in rows.items()} for group, rows in moments.items()
    }
