"""One scene of either product, end to end: netCDF in, one finished store of the lake out.

While one variable is reduced, the next one is read and the one before is written; the scene's record is written last.
An error in a file either is found before the first byte is written, or what was written is removed again.
"""

import math
from collections.abc import Callable
from pathlib import PurePosixPath

import numpy as np

from datasets.chart_rasters import ChartRasters, rasterize
from datasets.digest import digest_of
from datasets.errors import SceneNotFoundError, TiePointsError
from datasets.grids import NATIVE_SPACING
from datasets.labels import CHARTS
from datasets.lake import Lake
from datasets.scene import Archive, Scene, SceneRecord
from datasets.seasons import location_of, season_of
from datasets.sigrid import NO_POLYGON
from datasets.storage import exists
from ingest.array_queue import ArrayQueue
from ingest.background import side_thread
from ingest.errors import RawSceneError
from ingest.geometry import TiePoints
from ingest.product import SourceScene, native_ratio, open_scene
from ingest.recipe import Recipe
from ingest.reduce import check_ratio
from ingest.scene_arrays import SceneArrays, moments_json
from ingest.source import reference_path, scene_id_of


def convert_scene(path: str, recipe: Recipe, lake: Lake, archive: Archive) -> SceneRecord:
    """Builds the store of one file, raw or ready to train, unless the lake already has it with this recipe.

    Args:
        path: Path or URL of a netCDF file with the archive's name; its content decides which product it is.
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
    done = kept_scene(path, recipe, lake, archive, charts_at_hand=lambda: exists(reference_path(path)))
    if done is not None:
        return done
    scene_id, source = scene_id_of(path), PurePosixPath(path).name
    with open_scene(path) as raw:
        for ratio in recipe.ratios:
            check_ratio(raw.shape, ratio)
            native_ratio(raw, ratio)
        try:
            tie_points = TiePoints.from_points(raw.tie_points())
        except TiePointsError as error:
            raise RawSceneError(f"{path!r}: {error}") from error
        with (
            lake.write_scene(scene_id) as writer,
            side_thread() as writing,
            side_thread() as reading,
        ):
            scene = SceneArrays(raw, ArrayQueue(writer, writing, 4 * math.prod(raw.shape)), recipe)
            invalid, ids = scene.sensors(tie_points, reading, raw.polygon_ids)
            scene.border_distance(ids)
            np.copyto(ids, np.uint16(NO_POLYGON), where=invalid)  # a label where SAR has no data could only be guessed
            del invalid
            rasters = rasterize(ids, raw.polygons(recipe.dominance))
            if raw.codes:
                scene.polygons(ids)
            del ids
            for chart in CHARTS.values():
                scene.chart(chart, rasters.charts[chart.name])
            scene.coarse_grid()
            scene.tie_point_grid()
            record = _record(raw, source, archive, tie_points, rasters, recipe, scene)
            scene.finish(record)
    return record


def finished(lake: Lake, scene_id: str) -> Scene | None:
    """A scene that the lake has, whichever recipe it was built with."""
    try:
        return lake.scene(scene_id)
    except SceneNotFoundError:
        return None


def kept_scene(
    path: str, recipe: Recipe, lake: Lake, archive: Archive, *, charts_at_hand: Callable[[], bool]
) -> SceneRecord | None:
    """The scene of a file if the lake has it finished: by the file's name, recipe and archive, so without its bytes.

    Args:
        path: Whose name is that of the file.
        recipe: What to build.
        lake: Where.
        archive: Which archive the file is from.
        charts_at_hand: Whether charts for a scene without are here now; asked only where it has none.

    Raises:
        SceneNameError: The name is outside the grammar.
    """
    done = finished(lake, scene_id_of(path))
    if done is None or done.lacks_polygons:
        return None
    record = done.record
    if (record.recipe, record.source, record.archive) != (recipe.digest, PurePosixPath(path).name, archive):
        return None
    return record if record.charted or not charts_at_hand() else None


def _record(
    scene: SourceScene,
    source: str,
    archive: Archive,
    tie_points: TiePoints,
    rasters: ChartRasters,
    recipe: Recipe,
    arrays: SceneArrays,
) -> SceneRecord:
    name = scene.name
    weight = (scene.pixel_spacing // NATIVE_SPACING) ** 2  # pixels are counted in those of 40 m
    pixels = {
        chart: {value: count * weight for value, count in counts.items()} for chart, counts in rasters.pixels.items()
    }
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
        implausible=dict(sorted(arrays.implausible.items())),
        recipe=recipe.digest,
        fingerprint=digest_of([moments_json(arrays.moments), pixels]),
    )
