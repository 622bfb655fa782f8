"""What earlier builds of a lake have left: scenes that stay beside the new ones, lost ones, and those still to come."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from datasets.catalog import Catalog
from datasets.lake import Lake
from datasets.scene import Scene, SceneRecord
from datasets.storage import READERS
from ingest.convert import finished
from ingest.found_stores import finished_scenes
from ingest.kept import KnownScenes


def earlier_catalog(lake: Lake) -> Catalog:
    """The catalog that is there, or an empty one."""
    return lake.catalog() if lake.has_catalog() else Catalog()


def earlier_scenes(
    lake: Lake, built: Iterable[SceneRecord], known: KnownScenes
) -> tuple[tuple[SceneRecord, ...], tuple[str, ...], bool]:
    """Scenes of earlier builds beside those just built, ids of those whose stores are gone, and whether rows agree.

    They agree where every row is now known to be what its store says.
    """
    fresh = {record.scene_id for record in built}
    if lake.shown() is not lake:  # a rebuild has no catalog until it is complete: its stores are counted
        found = tuple(record for record in finished_scenes(lake) if record.scene_id not in fresh)
        return found, (), not found
    rows = tuple(record for record in earlier_catalog(lake) if record.scene_id not in fresh)
    if known.settled:
        lost = tuple(scene_id for scene_id in known.lost() if scene_id not in fresh)
        gone = {*lost}
        return tuple(record for record in rows if record.scene_id not in gone), lost, True
    with ThreadPoolExecutor(READERS) as threads:
        stores = list(threads.map(lambda record: finished(lake, record.scene_id), rows))
    kept = tuple(record for record, store in zip(rows, stores, strict=True) if store is not None)
    lost = tuple(record.scene_id for record, store in zip(rows, stores, strict=True) if store is None)
    return kept, lost, all(_agree(row, store) for row, store in zip(rows, stores, strict=True) if store is not None)


def _agree(row: SceneRecord, store: Scene) -> bool:
    """Whether a store has what its row says and all that a build would give it."""
    own = row.model_copy(update={"split": None, "unused": None})
    return not store.lacks_polygons and store.record == own


def waiting_scenes(lake: Lake, records: Iterable[SceneRecord]) -> tuple[str, ...]:
    """Scenes that readers have now and that a rebuild still lacks."""
    shown = lake.shown()
    if shown is lake:
        return ()
    have = {record.scene_id for record in records}
    return tuple(scene_id for scene_id in earlier_catalog(shown).scene_ids if scene_id not in have)
