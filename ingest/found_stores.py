"""Scene stores as they lie below a lake, whatever its catalog says: finished, unfinished, or about to replace another.

A reader opens what the catalog names (`datasets.lake`). A build and the maintenance of a lake also see the rest here.
"""

from pathlib import Path

from datasets.access import is_url
from datasets.errors import SceneNotFoundError
from datasets.lake import Lake
from datasets.prefixes import holds_objects, names
from datasets.scene import SceneRecord
from datasets.stores.scene_writer import beside_store, remove_store


def store_names(lake: Lake) -> tuple[str, ...]:
    """Scene ids below scenes/, finished or not; a name may be that of an empty prefix."""
    found = names(f"{lake.place}/scenes")
    return tuple(name.removesuffix(".zarr") for name in found if name.endswith(".zarr"))


def root_documents(lake: Lake) -> frozenset[str]:
    """Ids of scenes that look finished from outside, in one listing: no store is opened.

    On a disk each has its root document. In object storage, where that would be a request for each, a name is
    enough: a killed build leaves names without a finished scene, so it says of scenes in the catalog only that
    nobody has removed them.
    """
    found = store_names(lake)
    if is_url(lake.place):
        return frozenset(found)
    return frozenset(scene_id for scene_id in found if Path(f"{lake.scene_url(scene_id)}/zarr.json").is_file())


def finished_scenes(lake: Lake) -> tuple[SceneRecord, ...]:
    """Records of all finished stores of this recipe, in the catalog or not."""
    records = []
    for scene_id in store_names(lake):
        try:
            record = lake.scene(scene_id).record
        except SceneNotFoundError:
            continue
        if record.recipe == lake.recipe_digest:
            records.append(record)
    return tuple(records)


def holds_remains(lake: Lake, scene_id: str) -> bool:
    """Whether there is anything below the scene's key, finished or not."""
    return holds_objects(lake.scene_url(scene_id))


def discard_scene(lake: Lake, scene_id: str) -> None:
    """Removes the scene's store; its row stays until the next build."""
    remove_store(lake.scene_url(scene_id))


def unfinished_replacements(lake: Lake) -> tuple[str, ...]:
    """Ids of scenes with objects of a store that was to replace theirs, left by a build that was stopped."""
    found = names(f"{lake.place}/scenes")
    named = sorted({name.partition(".zarr.")[0] for name in found if ".zarr." in name})  # maybe of an empty prefix
    return tuple(
        scene_id for scene_id in named if any(holds_objects(url) for url in beside_store(lake.scene_url(scene_id)))
    )


def discard_unfinished_replacement(lake: Lake, scene_id: str) -> None:
    """Removes the unfinished replacement of the scene's store; the scene stays."""
    for url in beside_store(lake.scene_url(scene_id)):
        remove_store(url)
