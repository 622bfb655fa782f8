"""A lake of format 1 -> format 2 without raw files, scene by scene.

From full resolution, which format 1 kept bit for bit, everything is made as from the raw file: values that no
instrument measures become no data, block means are computed anew. Distances to borders are packed as they are. The
only difference to a fresh build: the polygons of the ice charts are not there.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from datasets.catalog import Catalog
from datasets.chart_rasters import count_classes
from datasets.digest import digest_of
from datasets.labels import CHARTS, IGNORE
from datasets.lake import Lake
from datasets.scene import SceneRecord
from datasets.season_updates import SOURCE, cryoseason_source
from datasets.splits import reasons_not_to_use
from datasets.workers.cluster import ClusterOptions, sentence_of
from datasets.workers.opening import open_workers
from ingest.array_queue import ArrayQueue
from ingest.background import side_thread
from ingest.build import channel_statistics
from ingest.convert import finished
from ingest.geometry import TiePoints
from ingest.recipe import Recipe
from ingest.scene_arrays import SceneArrays, moments_json
from ingest.stored_scene import StoredScene


@dataclass(frozen=True, kw_only=True)
class MigrationSummary:
    """The outcome of a migration.

    Attributes:
        failures: Scene and sentence for each that could not be migrated.
        catalog: The published catalog; None where a scene failed.
    """

    failures: tuple[tuple[str, str], ...]
    catalog: Catalog | None


def recipe_of(earlier: Lake) -> Recipe:
    """The recipe that gives today what a lake of format 1 was built with."""
    options = earlier.recipe["recipe"]
    return Recipe.of(**{name: options[name] for name in ("ratios", "sar_mean", "chart_reduction")})


def migrate_lake(
    earlier: Lake,
    target: Lake,
    recipe: Recipe,
    *,
    cluster: ClusterOptions,
    on_scene: Callable[[str], None],
    check_lock: Callable[[], None],
) -> MigrationSummary:
    """Migrates all scenes, and shows the new lake once all are there; scenes that are there are kept.

    Splits and seasons stay what they were.

    Args:
        earlier: Of format 1, with full resolution.
        target: Created with the recipe, beside the earlier lake or elsewhere.
        recipe: See `recipe_of`.
        cluster: Which workers; one scene each at a time.
        on_scene: Called after each scene, with its id.
        check_lock: Raises when another process has taken the lake over.

    Raises:
        ClusterError: The cluster cannot be used, or went away.
    """
    rows = earlier.catalog()
    migrate = partial(migrate_scene, earlier=earlier, target=target, recipe=recipe)
    records: dict[str, SceneRecord] = {}
    failures: list[tuple[str, str]] = []
    with open_workers(cluster, tasks=len(rows)) as workers:
        for scene_id, outcome in workers.run(migrate, rows.scene_ids):
            if isinstance(outcome, SceneRecord):
                records[scene_id] = outcome
            else:
                failures.append((scene_id, sentence_of(outcome)))
            on_scene(scene_id)
            check_lock()
    if failures:
        return MigrationSummary(failures=tuple(sorted(failures)), catalog=None)
    reasons = reasons_not_to_use(rows)
    splits = {
        row.scene_id: {"split": row.split, "unused": reasons[row.scene_id] if row.split == "unused" else None}
        for row in rows
    }
    catalog = Catalog(tuple(records[row.scene_id].model_copy(update=splits[row.scene_id]) for row in rows))
    check_lock()
    target.publish(catalog, channel_statistics(target, catalog))
    return MigrationSummary(failures=(), catalog=catalog)


def migrate_scene(scene_id: str, *, earlier: Lake, target: Lake, recipe: Recipe) -> SceneRecord:
    """Builds the store of one scene from its store of format 1, unless the lake already has it.

    Pixels that are no measurement lose their labels, as in a build; `dropped` is what it was.

    Raises:
        SceneNotFoundError: The earlier store is gone.
    """
    done = finished(target, scene_id)
    if done is not None and done.record.recipe == recipe.digest:
        return done.record
    raw = StoredScene(earlier, scene_id)
    tie_points = TiePoints.from_points(raw.tie_points())
    with target.write_scene(scene_id) as writer, side_thread() as writing, side_thread() as reading:
        scene = SceneArrays(raw, ArrayQueue(writer, writing, 4 * math.prod(raw.shape)), recipe)
        invalid, charts = scene.sensors(tie_points, reading, raw.charts)
        scene.smallest_distances(raw.border_distance)
        pixels: dict[str, dict[int, int]] = {}
        for name, chart in CHARTS.items():
            values = charts.pop(name)
            np.copyto(values, np.uint8(IGNORE), where=invalid)
            pixels[name] = count_classes(values, chart)
            scene.chart(chart, values)
        scene.coarse_grid()
        scene.tie_point_grid()
        record = raw.record.model_copy(
            update={
                "pixels": pixels,
                "implausible": dict(sorted(scene.implausible.items())),
                "recipe": recipe.digest,
                "fingerprint": digest_of([moments_json(scene.moments), pixels]),
            }
        )
        source = cryoseason_source(earlier, scene_id)
        scene.finish(record, {} if source is None else {SOURCE: source})
    return record
