"""The arrays of one scene on their way into its store: reduced at every ratio, rounded, counted, with CF attributes."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future

import numpy as np
from numpy.typing import NDArray

from datasets.channels import CHANNELS
from datasets.grids import KM2_PIXELS, NATIVE_SPACING, pixel_spacing
from datasets.labels import IGNORE, Chart
from datasets.scene import SceneRecord
from datasets.store import SceneWriter
from ingest.geometry import INCIDENCE, LATITUDE, LONGITUDE, TiePoints, distance_to_border
from ingest.moments import Moments
from ingest.precision import BORDER_STEP_M, GEOLOCATION_STEP, INCIDENCE_STEP, MEAN_STEP_DB, rounded, step_for
from ingest.product import SourceScene, native_ratio
from ingest.recipe import Recipe
from ingest.reduce import block_max, block_mean, block_mean_power, block_min, block_mode
from ingest.variables import KM2

_DIMS = ("line", "sample")
_STEPS = {LATITUDE: GEOLOCATION_STEP, LONGITUDE: GEOLOCATION_STEP, INCIDENCE: INCIDENCE_STEP}
_COORDINATES = "sar_latitude sar_longitude"


class SceneArrays:
    """The arrays of one scene on their way into its store, and the statistics that fall off.

    One array is being written, in the given thread, while the next one is read and computed: encoding and decoding
    share the processor, and at most two arrays of full resolution are in memory.
    """

    def __init__(self, raw: SourceScene, writer: SceneWriter, thread: Executor, recipe: Recipe) -> None:
        self._raw = raw
        self._writer = writer
        self._thread = thread
        self._writing: Future[None] | None = None
        self._recipe = recipe
        self._ratios = recipe.ratios
        self.moments: dict[str, dict[str, Moments]] = {}

    def sar(self, name: str) -> NDArray[np.bool_]:
        """Writes one SAR band; returns where it has no data."""
        values = self._raw.sar(name)
        missing = np.isnan(values)
        step = step_for(self._recipe.sar_precision)
        block = block_mean if self._recipe.sar_mean == "db" else block_mean_power
        self.channel(name, values, block, step=step, mean_step=max(step, MEAN_STEP_DB))
        return missing

    def channel(
        self,
        name: str,
        values: NDArray[np.float32],
        block: Callable[[NDArray[np.float32], int], NDArray[np.float32]],
        *,
        step: float = 0.0,
        mean_step: float = 0.0,
    ) -> None:
        """Writes one input channel at every ratio, with its moments; rounded to `step`, block means to `mean_step`."""
        attributes = self._attributes(name)
        for ratio in self._ratios:
            size = native_ratio(self._raw, ratio)
            # At size 1 the block is the array itself, which the coarser ratios still need as it came.
            reduced = block(values, size)
            reduced = rounded(reduced, step) if size == 1 else rounded(reduced, mean_step, out=reduced)
            self._count(f"r{ratio}", name, reduced)
            self._write(ratio, name, reduced, np.nan, attributes)

    def geolocation(self, name: str, tie_points: TiePoints) -> None:
        """Writes one field of the tie points at every ratio, with its moments."""
        attributes = _channel_attributes(name)
        for ratio in self._ratios:
            self.moments.setdefault(f"r{ratio}", {})[name] = tie_points.moments(name, self._raw.shape, ratio)
            values = tie_points.field(name, self._raw.shape, ratio)
            rounded(values, _STEPS[name], out=values)
            self._write(ratio, name, values, np.nan, attributes)

    def border_distance(self, ids: NDArray[np.uint16]) -> None:
        """Writes the distance to the border of the polygon in metres, smallest of each block; NaN without a chart."""
        if self._raw.charted:
            values = distance_to_border(ids)
            if self._raw.pixel_spacing != NATIVE_SPACING:
                values *= self._raw.pixel_spacing / NATIVE_SPACING
        else:
            values = np.full(ids.shape, np.nan, np.float32)
        rounded(values, BORDER_STEP_M, out=values)
        attributes = {
            "long_name": "distance to the nearest pixel of another polygon or of none",
            "units": "m",
            "comment": self._raw.border_comment,
            "coordinates": _COORDINATES,
        }
        for ratio in self._ratios:
            smallest = block_min(values, native_ratio(self._raw, ratio))
            self._write(ratio, "distance_to_border", smallest, np.nan, attributes)

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
                self._count("km2", name, values)
            self._array(
                "km2",
                name,
                values,
                dims=("line_2km", "sample_2km"),
                fill=np.nan if name in KM2 else 255,
                attributes=attributes,
            )

    def tie_point_grid(self) -> None:
        """Writes the geolocation points as they came."""
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

    def finish(self, record: SceneRecord) -> None:
        """Makes the store visible, once everything is written."""
        self._wait()
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
                "km2": {"pixel_spacing": KM2_PIXELS * NATIVE_SPACING, "pixel_spacing_units": "m"},
                "tie_points": {"comment": self._raw.tie_comment},
            },
        )

    def _write(
        self, ratio: int, name: str, values: NDArray[np.generic], fill: float, attributes: Mapping[str, object]
    ) -> None:
        self._array(f"r{ratio}", name, values, dims=_DIMS, fill=fill, attributes=attributes)

    def _array(
        self,
        group: str,
        name: str,
        values: NDArray[np.generic],
        *,
        dims: tuple[str, ...],
        fill: float,
        attributes: Mapping[str, object],
    ) -> None:
        self._wait()
        self._writing = self._thread.submit(
            self._writer.array, group, name, values, dims=dims, fill=fill, attributes=attributes
        )

    def _wait(self) -> None:
        """Ends the write under way; raises what it raised."""
        if self._writing is not None:
            self._writing.result()

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
