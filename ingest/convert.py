"""One scene of either product, end to end: netCDF in, one finished store of the lake out.

One variable is read and reduced at a time while the one before is being written; the scene's record is written last.
Everything that can be wrong with a file either shows before the first byte is written or removes what was written.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from datasets.channels import CHANNELS
from datasets.errors import SceneNotFoundError
from datasets.grids import KM2_PIXELS, NATIVE_SPACING, pixel_spacing
from datasets.labels import CHARTS, IGNORE, Chart
from datasets.lake import Lake
from datasets.scene import Archive, SceneRecord
from datasets.seasons import location_of, season_of
from datasets.store import SceneWriter
from ingest.charts import NO_POLYGON, ChartRasters, rasterize
from ingest.geometry import INCIDENCE, LATITUDE, LONGITUDE, TiePoints, distance_to_border
from ingest.moments import Moments
from ingest.precision import BORDER_STEP_M, GEOLOCATION_STEP, INCIDENCE_STEP, MEAN_STEP_DB, rounded, step_for
from ingest.product import SourceScene, native_ratio, open_scene
from ingest.recipe import Recipe
from ingest.reduce import block_max, block_mean, block_mean_power, block_min, block_mode, check_ratio
from ingest.source import reference_path, scene_id_of
from ingest.variables import DISTANCE, HH, HV, KM2

_DIMS = ("line", "sample")
_STEPS = {LATITUDE: GEOLOCATION_STEP, LONGITUDE: GEOLOCATION_STEP, INCIDENCE: INCIDENCE_STEP}
_COORDINATES = "sar_latitude sar_longitude"


def convert_scene(path: str, recipe: Recipe, lake: Lake, archive: Archive) -> SceneRecord:
    """Builds the store of one file, raw or ready to train, unless the lake already has it with this recipe.

    Args:
        path: netCDF file with the archive's name; which product it is, its content says.
        recipe: What to build.
        lake: Where.
        archive: Which archive the file is from.

    Returns:
        The scene's record, without a split.

    Raises:
        SceneNameError: The name is outside the grammar.
        RawSceneError: The file cannot be used.
        RecipeError: A ratio does not fit the scene.
    """
    scene_id = scene_id_of(path)
    done = _finished(lake, scene_id)
    source = PurePosixPath(path).name
    if done is not None and (done.recipe, done.source, done.archive) == (recipe.digest, source, archive):
        charts_came = not done.charted and Path(reference_path(path)).exists()
        if not charts_came:
            return done
    with open_scene(path) as raw:
        for ratio in recipe.ratios:
            check_ratio(raw.shape, ratio)
            native_ratio(raw, ratio)
        tie_points = TiePoints.from_points(raw.tie_points())
        with lake.write_scene(scene_id) as writer, ThreadPoolExecutor(max_workers=1) as thread:
            scene = _SceneBuild(raw, writer, thread, recipe)
            invalid = scene.sar(HH)
            invalid |= scene.sar(HV)
            scene.channel(DISTANCE, raw.sar(DISTANCE), block_mean)
            ids = raw.polygon_ids()
            scene.border_distance(ids)
            np.putmask(ids, invalid, NO_POLYGON)  # a label where SAR has no data could only be guessed
            del invalid
            rasters = rasterize(ids, raw.polygons())
            del ids
            for chart in CHARTS.values():
                scene.chart(chart, rasters.charts[chart.name])
            incidence = raw.incidence()
            if incidence is not None:
                scene.channel(INCIDENCE, incidence, block_mean, step=INCIDENCE_STEP, mean_step=INCIDENCE_STEP)
            del incidence
            for field in tie_points.fields:
                scene.geolocation(field, tie_points)
            scene.coarse_grid()
            scene.tie_point_grid()
            record = _record(raw, source, archive, tie_points, rasters, recipe, scene.moments)
            scene.finish(record)
    return record


class _SceneBuild:
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
                "moments": _moments_json(self.moments),
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


def _moments_json(moments: Mapping[str, Mapping[str, Moments]]) -> dict[str, dict[str, list[float]]]:
    return {
        group: {name: [row.count, row.mean, row.m2] for name, row in rows.items()} for group, rows in moments.items()
    }


def _finished(lake: Lake, scene_id: str) -> SceneRecord | None:
    try:
        return lake.scene(scene_id).record
    except SceneNotFoundError:
        return None


def _record(
    scene: SourceScene,
    source: str,
    archive: Archive,
    tie_points: TiePoints,
    rasters: ChartRasters,
    recipe: Recipe,
    moments: Mapping[str, Mapping[str, Moments]],
) -> SceneRecord:
    name = scene.name
    weight = (scene.pixel_spacing // NATIVE_SPACING) ** 2  # pixels are counted in those of 40 m
    pixels = {
        chart: {value: count * weight for value, count in counts.items()} for chart, counts in rasters.pixels.items()
    }
    content = json.dumps([_moments_json(moments), pixels], sort_keys=True)
    return SceneRecord(
        scene_id=name.scene_id,
        source=source,
        archive=archive,
        product=scene.product,
        pixel_spacing=scene.pixel_spacing,
        charted=scene.charted,
        acquired=name.start,
        stopped=name.stop,
        satellite=name.satellite,
        orbit=name.orbit,
        provider=name.provider,
        region=name.region,
        location=location_of(name.region),
        season=season_of(name.stop),
        lines=scene.shape[0],
        samples=scene.shape[1],
        bbox=tie_points.bbox,
        pixels=pixels,
        dropped={reason: count * weight for reason, count in rasters.dropped.items()},
        recipe=recipe.digest,
        fingerprint=hashlib.sha256(content.encode()).hexdigest()[:12],
    )
