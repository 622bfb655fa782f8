"""One raw scene, end to end: netCDF in, one finished store of the lake out.

One variable is read and reduced at a time while the one before is being written; the scene's record is written last.
Everything that can be wrong with a file either shows before the first byte is written or removes what was written.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import PurePosixPath

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
from ingest.charts import NO_POLYGON, ChartRasters, polygon_classes, rasterize
from ingest.geometry import INCIDENCE, LATITUDE, LONGITUDE, TiePoints, distance_to_border
from ingest.moments import Moments
from ingest.raw import DISTANCE, HH, HV, KM2, KM2_MAPS, RawScene
from ingest.recipe import Recipe
from ingest.reduce import block_max, block_mean, block_min, check_ratio
from ingest.source import SceneName, parse_name

_DIMS = ("line", "sample")
_COORDINATES = "sar_latitude sar_longitude"


def convert_scene(path: str, recipe: Recipe, lake: Lake, archive: Archive) -> SceneRecord:
    """Builds the store of one raw file, unless the lake already has it with this recipe.

    Args:
        path: Raw netCDF file with the archive's name.
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
    name = parse_name(path)
    done = _finished(lake, name.scene_id)
    source = PurePosixPath(path).name
    if done is not None and (done.recipe, done.source, done.archive) == (recipe.digest, source, archive):
        return done
    with RawScene(path) as raw:
        for ratio in recipe.ratios:
            check_ratio(raw.shape, ratio)
        polygons = polygon_classes(raw.codes)
        tie_points = TiePoints.from_points(raw.tie_points())
        with lake.write_scene(name.scene_id) as writer, ThreadPoolExecutor(max_workers=1) as thread:
            scene = _SceneBuild(raw, writer, thread, recipe.ratios)
            invalid = scene.sar(HH)
            invalid |= scene.sar(HV)
            scene.channel(DISTANCE, raw.sar(DISTANCE), block_mean)
            ids = raw.polygon_ids()
            scene.border_distance(distance_to_border(ids))
            np.putmask(ids, invalid, NO_POLYGON)  # a label where SAR has no data could only be guessed
            del invalid
            rasters = rasterize(ids, polygons)
            del ids
            for chart in CHARTS.values():
                scene.chart(chart, rasters.charts[chart.name])
            for field in (INCIDENCE, LATITUDE, LONGITUDE):
                scene.geolocation(field, tie_points)
            scene.coarse_grid()
            scene.tie_point_grid()
            record = _record(name, source, archive, raw.shape, tie_points, rasters, recipe, scene.moments)
            scene.finish(record)
    return record


class _SceneBuild:
    """The arrays of one scene on their way into its store, and the statistics that fall off.

    One array is being written, in the given thread, while the next one is read and computed: encoding and decoding
    share the processor, and at most two arrays of full resolution are in memory.
    """

    def __init__(self, raw: RawScene, writer: SceneWriter, thread: Executor, ratios: tuple[int, ...]) -> None:
        self._raw = raw
        self._writer = writer
        self._thread = thread
        self._writing: Future[None] | None = None
        self._ratios = ratios
        self.moments: dict[str, dict[str, Moments]] = {}

    def sar(self, name: str) -> NDArray[np.bool_]:
        """Writes one SAR band; returns where it has no data."""
        values = self._raw.sar(name)
        self.channel(name, values, block_mean)
        return np.isnan(values)

    def channel(self, name: str, values: NDArray[np.float32], block: Callable[..., NDArray[np.float32]]) -> None:
        """Writes one input channel at every ratio, with its moments."""
        attributes = self._attributes(name)
        for ratio in self._ratios:
            reduced = block(values, ratio)
            self._count(f"r{ratio}", name, reduced)
            self._write(ratio, name, reduced, np.nan, attributes)

    def geolocation(self, name: str, tie_points: TiePoints) -> None:
        """Writes one field of the tie points at every ratio, with its moments."""
        attributes = _channel_attributes(name)
        for ratio in self._ratios:
            values = tie_points.field(name, self._raw.shape, ratio)
            self._count(f"r{ratio}", name, values)
            self._write(ratio, name, values, np.nan, attributes)

    def border_distance(self, values: NDArray[np.float32]) -> None:
        """Writes the distance to the border of the polygon in metres, smallest of each block."""
        attributes = {
            "long_name": "distance to the nearest pixel of another polygon or of none",
            "units": "m",
            "comment": "between pixel centres at full resolution; inf where one polygon fills the scene",
            "coordinates": _COORDINATES,
        }
        for ratio in self._ratios:
            self._write(ratio, "distance_to_border", block_min(values, ratio), np.nan, attributes)

    def chart(self, chart: Chart, values: NDArray[np.uint8]) -> None:
        """Writes one chart, largest class of each block."""
        attributes = {
            "long_name": chart.long_name,
            "flag_values": list(range(chart.n_classes)),
            "flag_meanings": " ".join(name.replace("%", "_percent") for name in chart.classes),
            "ignore_value": IGNORE,
            "coordinates": _COORDINATES,
        }
        for ratio in self._ratios:
            self._write(ratio, chart.name, block_max(values, ratio), IGNORE, attributes)

    def coarse_grid(self) -> None:
        """Writes AMSR2 and ERA5 on their own grid."""
        for name in (*KM2, *KM2_MAPS):
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
                "tie_points": {"comment": "geolocation grid of the SAR image, full-resolution lines and samples"},
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
    name: SceneName,
    source: str,
    archive: Archive,
    shape: tuple[int, int],
    tie_points: TiePoints,
    rasters: ChartRasters,
    recipe: Recipe,
    moments: Mapping[str, Mapping[str, Moments]],
) -> SceneRecord:
    content = json.dumps([_moments_json(moments), rasters.pixels], sort_keys=True)
    return SceneRecord(
        scene_id=name.scene_id,
        source=source,
        archive=archive,
        acquired=name.start,
        stopped=name.stop,
        satellite=name.satellite,
        orbit=name.orbit,
        provider=name.provider,
        region=name.region,
        location=location_of(name.region),
        season=season_of(name.stop),
        lines=shape[0],
        samples=shape[1],
        bbox=tie_points.bbox,
        pixels={name: dict(counts) for name, counts in rasters.pixels.items()},
        dropped=dict(rasters.dropped),
        recipe=recipe.digest,
        fingerprint=hashlib.sha256(content.encode()).hexdigest()[:12],
    )
