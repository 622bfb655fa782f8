"""Many scenes: Dask maps `convert_scene` over the files, then the catalog is written. Wiring only."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dask.distributed import Client, Future, LocalCluster, as_completed

from datasets.catalog import Catalog
from datasets.errors import IceBenchError, SplitError
from datasets.lake import Lake
from datasets.scene import Archive, SceneRecord
from datasets.splits import assign_splits
from ingest.convert import convert_scene
from ingest.moments import Moments, merge
from ingest.recipe import Recipe
from ingest.source import parse_name

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class SplitOptions:
    """How the training archive is split; see `datasets.splits.assign_splits`."""

    seed: int = 16
    val_scenes: int | None = None


@dataclass(frozen=True, kw_only=True)
class BuildSummary:
    """What became of the files.

    Attributes:
        built: Records of the scenes that are in the lake now, in order of the files.
        failures: File and sentence for each that could not be built.
        catalog: The published catalog; None if no scene could be built at all.
    """

    built: tuple[SceneRecord, ...]
    failures: tuple[tuple[str, str], ...]
    catalog: Catalog | None


def build_lake(
    sources: list[str],
    recipe: Recipe,
    lake: Lake,
    archive: Archive,
    *,
    workers: int,
    split: SplitOptions,
    on_scene: Progress,
) -> BuildSummary:
    """Builds or completes a lake; a scene that is there with this recipe is kept.

    Args:
        sources: Raw files.
        recipe: What to build.
        lake: Created with the same recipe.
        archive: Which archive the files are from.
        workers: Processes; one scene each at a time.
        split: Of the training scenes.
        on_scene: Called after each file, with its path.

    Returns:
        The summary; failed files are in it, not raised.

    Raises:
        SplitError: More validation scenes were asked for than could ever leave a training scene.
    """
    _check_split(len(sources) if archive == "train" else 0, lake, split)
    unique, clashes = _without_clashes(sources)
    outcomes: dict[str, SceneRecord | str] = dict(clashes)
    for path, outcome in _convert_all(unique, recipe, lake, archive, workers):
        outcomes[path] = outcome
        on_scene(path)
    built = tuple(outcome for path in sources if isinstance(outcome := outcomes[path], SceneRecord))
    failures = tuple((path, outcome) for path in sources if isinstance(outcome := outcomes[path], str))
    catalog = publish(lake, built, split) if built else None
    return BuildSummary(built=built, failures=failures, catalog=catalog)


def publish(lake: Lake, built: Iterable[SceneRecord], split: SplitOptions) -> Catalog:
    """Writes statistics and catalog over the scenes of earlier builds and of this one."""
    records = {record.scene_id: record for record in _earlier(lake)} | {record.scene_id: record for record in built}
    catalog = assign_splits(records.values(), seed=split.seed, val_scenes=split.val_scenes)
    parts: dict[str, dict[str, list[Moments]]] = {}
    for record in catalog.split("train"):
        for group, rows in lake.scene(record.scene_id).moments.items():
            for name, (count, mean, m2) in rows.items():
                parts.setdefault(group, {}).setdefault(name, []).append(Moments(count, mean, m2))
    moments = {group: {name: merge(found).statistics for name, found in rows.items()} for group, rows in parts.items()}
    lake.publish(catalog, moments)
    return catalog


def _check_split(new_scenes: int, lake: Lake, split: SplitOptions) -> None:
    """Refuses before hours of building what could only be refused after them."""
    most = new_scenes + sum(record.archive == "train" for record in _earlier(lake))
    if split.val_scenes is not None and split.val_scenes >= max(most, 1):
        raise SplitError(
            f"{split.val_scenes} validation scenes were asked of at most {most} training scenes: ask for fewer with "
            "--val-scenes, or give more files"
        )


def _earlier(lake: Lake) -> Iterable[SceneRecord]:
    return lake.catalog() if lake.has_catalog() else ()


def _without_clashes(sources: list[str]) -> tuple[list[str], dict[str, str]]:
    """Two files that would be the same scene cannot both be built: the first stays, the others are failures."""
    first: dict[str, str] = {}
    clashes: dict[str, str] = {}
    for path in sources:
        try:
            scene_id = parse_name(path).scene_id
        except IceBenchError:
            continue  # reported by the conversion
        if scene_id in first:
            clashes[path] = f"{path!r} is scene {scene_id} like {first[scene_id]!r}: give only one of them"
        first.setdefault(scene_id, path)
    return [path for path in sources if path not in clashes], clashes


def _convert_all(
    paths: list[str], recipe: Recipe, lake: Lake, archive: Archive, workers: int
) -> Iterable[tuple[str, SceneRecord | str]]:
    with (
        LocalCluster(n_workers=min(workers, len(paths)), threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        futures: dict[Future[SceneRecord], str] = {
            client.submit(convert_scene, path, recipe, lake, archive, pure=False): path for path in paths
        }
        for future in as_completed(futures):
            error = future.exception()
            if error is None:
                yield futures[future], future.result()
            else:
                yield futures[future], _sentence(error)


def _sentence(error: BaseException) -> str:
    """Our own errors are sentences already; anything else keeps its type, nothing is hidden."""
    return str(error) if isinstance(error, IceBenchError) else f"{type(error).__name__}: {error}"
