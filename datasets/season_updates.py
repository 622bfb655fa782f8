"""Seasons that come after the build: new values for some fields of the records of a finished lake, arrays untouched.

With `datasets.lake` and `datasets.stores` the third place that knows the layout: it replaces the root document of each
scene store, `<scene>.zarr/zarr.json`, and publishes the catalog again.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from datasets.catalog import Catalog
from datasets.errors import SceneNotFoundError
from datasets.lake import Lake
from datasets.scene import SceneRecord
from datasets.storage import read, replace
from datasets.stores.attributes import from_attribute, to_attribute

AMENDABLE: Final = frozenset({"cryoseason", "melt_cells"})
"""Fields of a record that may change while the arrays stay; all others are content of the scene."""

SOURCE: Final = "cryoseason_source"
"""Attribute of a scene store: what its cryoseason is from."""


def amend(
    lake: Lake, catalog: Catalog, *, sources: Mapping[str, Mapping[str, Any]], check_lock: Callable[[], None]
) -> int:
    """Replaces the records of finished scenes, in their stores and in the catalog.

    Each root document is replaced in one step, the catalog last and in one step: a reader of the catalog sees the
    old seasons or the new ones. After an interruption the same call completes the work. What is there already is not
    written again.

    Args:
        lake: A finished lake; its `digest`, which covers the records, is the new one afterwards.
        catalog: The lake's catalog with other values in the fields of `AMENDABLE`.
        sources: Where these come from, by scene_id; JSON content, kept in the scene's store.
        check_lock: Called before the catalog is written; raises if another process has taken the lake.

    Returns:
        How many scenes changed.

    Raises:
        SceneNotFoundError: The store of a scene is gone.
    """
    before = lake.catalog()
    kept = {*SceneRecord.model_fields} - AMENDABLE
    assert [row.model_dump(include=kept) for row in before] == [row.model_dump(include=kept) for row in catalog]
    changed = sum(old != new for old, new in zip(before, catalog, strict=True))
    settled = lake.is_settled()
    if changed and settled:
        lake.expect_changes()
    for row in catalog:
        update = row.model_dump(mode="json", include=set(AMENDABLE))
        _amend_scene(lake.scene_url(row.scene_id), update, sources[row.scene_id])
    if changed:
        check_lock()
        lake.publish(catalog, lake.statistics, settled=settled)  # over the same scenes as before
    return changed


def carry_seasons(lake: Lake, records: Iterable[SceneRecord]) -> tuple[SceneRecord, ...]:
    """Gives scenes that were built again, in place or with another recipe, the seasons that readers see.

    A season comes from the time and the footprint of a scene, not from its pixels: it is carried where both are the
    same and the scene has none yet, into the store and, with the returned records, into the catalog.

    Args:
        lake: The lake that is being built, before its catalog is written.
        records: Of all its scenes.

    Returns:
        The records, with seasons.
    """
    shown = lake.shown()
    earlier = {row.scene_id: row for row in shown.catalog()} if shown.has_catalog() else {}
    carried = []
    for record in records:
        row = earlier.get(record.scene_id)
        if (
            row is not None
            and record.melt_cells is None
            and row.melt_cells is not None
            and (record.acquired, record.bbox) == (row.acquired, row.bbox)
        ):
            # In place, the store kept the source itself; beside, the old store still has it.
            source = cryoseason_source(lake, record.scene_id) or cryoseason_source(shown, record.scene_id) or {}
            _amend_scene(lake.scene_url(record.scene_id), row.model_dump(mode="json", include=set(AMENDABLE)), source)
            record = record.model_copy(update=row.model_dump(include=set(AMENDABLE)))
        carried.append(record)
    return tuple(carried)


def cryoseason_source(lake: Lake, scene_id: str) -> Mapping[str, Any] | None:
    """Rule and melt maps (SHA-256 by file name) that a scene's cryoseason is from; None before it was given.

    Raises:
        SceneNotFoundError: There is no such scene.
    """
    found = _root(lake.scene_url(scene_id))["attributes"].get(SOURCE)
    return None if found is None else from_attribute(found)


def _amend_scene(url: str, update: Mapping[str, Any], source: Mapping[str, Any]) -> None:
    document = _root(url)
    attributes = document["attributes"]
    record = {**from_attribute(attributes["record"]), **update}
    amended = attributes | {"record": to_attribute(record), SOURCE: to_attribute(source)}
    if amended != attributes:
        replace(f"{url}/zarr.json", json.dumps({**document, "attributes": amended}, indent=1).encode())


def _root(url: str) -> dict[str, Any]:
    content = read(f"{url}/zarr.json")
    if content is None:
        raise SceneNotFoundError(
            f"there is no finished scene store at {url!r}: build the scene again with `python -m ingest build`"
        )
    return dict(json.loads(content))
