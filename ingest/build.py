"""Many scenes: workers map `convert_source` over the files, then the catalog is written. Wiring only."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from datasets.catalog import Catalog
from datasets.errors import LakeNotFoundError, SplitError
from datasets.lake import Lake
from datasets.leaks import Apart, too_near
from datasets.plural import noun, plural
from datasets.scene import Archive, SceneRecord
from datasets.season_updates import carry_seasons
from datasets.splits import SPLIT_SEED, assign_splits, splits_of
from datasets.statistics import ChannelStatistics
from datasets.storage import READERS
from datasets.workers.cluster import ClusterOptions, sentence_of
from datasets.workers.opening import open_workers
from ingest.admission import check_admission
from ingest.download.errors import ArchiveChangedError
from ingest.earlier_scenes import earlier_catalog, earlier_scenes, waiting_scenes
from ingest.kept import BuiltScenes, KnownScenes
from ingest.moments import Moments, training_statistics
from ingest.recipe import Recipe
from ingest.source import is_scene_name, scene_id_of
from ingest.stream.convert import convert_source
from ingest.stream.origins import SceneFile
from ingest.stream.scratch import Scratch


@dataclass(frozen=True, kw_only=True)
class SplitOptions:
    """How the training archive is split; see `datasets.splits.assign_splits`. What is not `apart` is not used."""

    seed: int = SPLIT_SEED
    val_scenes: int | None = None
    include_withdrawn: bool = False
    apart: Apart | None = None


@dataclass(frozen=True, kw_only=True)
class BuildSummary:
    """The outcome of a build.

    Attributes:
        built: Records of the scenes that are in the lake now, in order of the files.
        failures: File and sentence for each that could not be built.
        catalog: The published catalog; None if no scene could be built at all, or some are still missing.
        waiting: Scenes of the current lake that lack a store of the new recipe: until they are built, readers keep the
            old lake.
        lost: Scenes of the earlier catalog whose stores are gone; they left the catalog.
        resplit: Scenes of the earlier catalog that are of another split now, since scenes came or the seed is another.
    """

    built: Sequence[SceneRecord]
    failures: tuple[tuple[str, str], ...]
    catalog: Catalog | None
    waiting: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    resplit: tuple[SceneRecord, ...] = ()


def check_build(
    sources: list[str], lake_url: str, archive: Archive, *, split: SplitOptions, replace: bool = False
) -> None:
    """Refuses before anything is written, and before hours of work, what would be refused after them or spoil a lake.

    Args:
        sources: Files to build.
        lake_url: Where, as `Lake.check_place` has found it; there may be no lake yet.
        archive: Which archive the files are from.
        split: Of the training scenes.
        replace: See `ingest.admission.check_admission`.

    Raises:
        SceneNameError: No file has the name of a scene.
        SplitError: So many validation scenes would leave no training scene, or see `check_admission`.
    """
    if not any(is_scene_name(path) for path in sources):
        scene_id_of(sources[0])  # says what is wrong with the name
    catalog = Catalog()
    with suppress(LakeNotFoundError):
        catalog = Lake.open(lake_url).catalog()
    given = {(scene_id_of(path), PurePosixPath(path).name) for path in sources if is_scene_name(path)}
    names = zip(catalog.scene_ids, catalog.column("source"), strict=True)
    same = catalog.having("archive", archive) & np.array([each in given for each in names], np.bool_)
    ids = {scene_id for scene_id, _ in given}
    others = catalog.take(~same)  # a file of the name and the archive that a scene is from changes nothing
    others = others.take(np.array([scene_id in ids for scene_id in others.scene_ids], np.bool_))
    check_admission(sources, {record.scene_id: record for record in others}, archive, replace=replace)
    new_scenes = len(sources) if archive == "train" else 0
    most = new_scenes + int(catalog.having("archive", "train").sum())
    if split.val_scenes is not None and split.val_scenes >= max(most, 1):
        raise SplitError(
            f"{plural(split.val_scenes, 'validation scene')} of at most {plural(most, 'training scene')} "
            f"{noun(split.val_scenes, 'is', 'are')} too many: ask for fewer with --val-scenes, or give more files"
        )


def build_lake(
    sources: list[str],
    recipe: Recipe,
    lake: Lake,
    archive: Archive,
    *,
    cluster: ClusterOptions,
    split: SplitOptions,
    on_scene: Callable[[str], None],
    check_lock: Callable[[], None] = lambda: None,
    fetched: Mapping[str, SceneFile] = MappingProxyType({}),
    refused: Mapping[str, str] = MappingProxyType({}),
    scratch: Scratch | None = None,
) -> BuildSummary:
    """Builds or completes a lake; a scene that is there with this recipe is kept.

    Args:
        sources: Raw files, in the order of their archive.
        recipe: What to build.
        lake: Created with the same recipe.
        archive: Which archive the files are from.
        cluster: Which workers; one scene each at a time.
        split: Of the training scenes.
        on_scene: Called after each file, with its path.
        check_lock: Raises when another build has taken the lake over; called after each file and before publishing.
        fetched: Those of the files that have to be fetched or unpacked; the others are read where they are.
        refused: Sentence for each file that is not to be used.
        scratch: Where the fetched ones lie while they are converted; needed where there are any.

    Returns:
        The summary; failed files are in it, not raised. Where nothing was missing and the splits stay, the catalog is
        left as it is.

    Raises:
        ClusterError: The cluster cannot be used, or went away.
        ArchiveChangedError: An archive is another one than it was at the beginning.
    """
    unique, clashes = _without_clashes([path for path in sources if path not in refused])
    known = KnownScenes.of(lake)
    kept = known.kept(unique, recipe, archive, fetched)
    if known.change(path for path in unique if path not in kept):
        lake.expect_changes()
    outcomes: dict[str, SceneRecord | int | str] = {**clashes, **refused, **kept}
    for path in kept:
        on_scene(path)
    tasks = [fetched.get(path, path) for path in unique if path not in kept]
    ahead = bool(fetched) and cluster.scheduler is None
    convert = partial(convert_source, recipe=recipe, lake=lake, archive=archive, scratch=scratch, in_turn=ahead)
    for path, outcome in _convert_all(convert, tasks, cluster, ahead):
        outcomes[path] = outcome
        on_scene(path)
        check_lock()
    found = [each for path in sources if not isinstance(each := outcomes[path], str)]
    built = BuiltScenes(found, known.catalog)
    failures = tuple((path, each) for path in sources if isinstance(each := outcomes[path], str))
    if found and len(kept) == len(found) and not known.lost() and _is_as_drawn(known.catalog, split):
        return BuildSummary(built=built, failures=failures, catalog=known.catalog)
    earlier, lost, settled = earlier_scenes(lake, built, known)
    waiting = waiting_scenes(lake, (*earlier, *built))
    check_lock()
    old = earlier_catalog(lake)
    before = dict(zip(old.scene_ids, old.column("split"), strict=True))
    catalog = publish(lake, (*earlier, *built), split, settled=settled) if built and not waiting else None
    resplit = tuple(row for row in catalog or () if before.get(row.scene_id, row.split) != row.split)
    return BuildSummary(built=built, failures=failures, catalog=catalog, waiting=waiting, lost=lost, resplit=resplit)


def publish(lake: Lake, records: Iterable[SceneRecord], split: SplitOptions, *, settled: bool = False) -> Catalog:
    """Draws the splits and writes statistics and catalog over these scenes; `settled`: their rows are their stores'."""
    scenes = Catalog.of({record.scene_id: record for record in carry_seasons(lake, records)}.values())
    near = _too_near(scenes, split)
    drawn = assign_splits(
        scenes.take(~near), seed=split.seed, val_scenes=split.val_scenes, include_withdrawn=split.include_withdrawn
    )
    unused = (row.model_copy(update={"split": "unused"}) for row in scenes.take(near))
    catalog = Catalog.of((*drawn, *unused))
    lake.publish(catalog, channel_statistics(lake, catalog), settled=settled)
    return catalog


def _is_as_drawn(catalog: Catalog, split: SplitOptions) -> bool:
    """Whether the catalog has the splits that would be drawn now."""
    near = _too_near(catalog, split)
    others = catalog.take(~near)
    now = splits_of(others, seed=split.seed, val_scenes=split.val_scenes, include_withdrawn=split.include_withdrawn)
    same = now == list(zip(others.column("split"), others.column("unused"), strict=True))
    return same and bool(catalog.take(near).having("split", "unused").all())


def _too_near(scenes: Catalog, split: SplitOptions) -> NDArray[np.bool_]:
    return np.zeros(len(scenes), np.bool_) if split.apart is None else too_near(scenes, split.apart)


def channel_statistics(lake: Lake, catalog: Catalog) -> dict[str, dict[str, ChannelStatistics]]:
    """Statistics over the training scenes by group and channel, from what their stores say."""
    train = catalog.split("train")
    if lake.is_settled() and _content(train) == _content(lake.catalog().split("train")):
        return {group: dict(rows) for group, rows in lake.statistics.items()}
    parts: dict[str, dict[str, list[Moments]]] = {}
    with ThreadPoolExecutor(READERS) as threads:
        for moments in threads.map(lambda scene_id: lake.scene(scene_id).moments, train.scene_ids):
            for group, rows in moments.items():
                for name, (count, mean, m2) in rows.items():
                    parts.setdefault(group, {}).setdefault(name, []).append(Moments(count, mean, m2))
    return {group: {name: training_statistics(found) for name, found in rows.items()} for group, rows in parts.items()}


def _content(catalog: Catalog) -> list[tuple[str, str]]:
    return list(zip(catalog.scene_ids, catalog.column("fingerprint"), strict=True))


def _without_clashes(sources: list[str]) -> tuple[list[str], dict[str, str]]:
    """Two files that would be the same scene cannot both be built: the first stays, the others are failures."""
    first: dict[str, str] = {}
    clashes: dict[str, str] = {}
    for path in filter(is_scene_name, sources):  # others are reported by the conversion
        scene_id = scene_id_of(path)
        if scene_id in first:
            clashes[path] = f"{path!r} is scene {scene_id} like {first[scene_id]!r}: give only one of them"
        first.setdefault(scene_id, path)
    return [path for path in sources if path not in clashes], clashes


def _convert_all(
    convert: Callable[[str | SceneFile], SceneRecord],
    sources: list[str | SceneFile],
    cluster: ClusterOptions,
    ahead: bool,
) -> Iterable[tuple[str, SceneRecord | str]]:
    if not sources:
        return
    with open_workers(cluster, tasks=len(sources), ahead=ahead) as workers:
        for source, outcome in workers.run(convert, sources):
            if isinstance(outcome, ArchiveChangedError):  # the others of its archive would fare no better
                raise outcome
            path = source if isinstance(source, str) else source.path
            yield path, outcome if isinstance(outcome, SceneRecord) else sentence_of(outcome)
