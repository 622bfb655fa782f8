"""Is the lake whole? Compares catalog, stores and objects with each other, and pixels with their recorded counts.

Every store lists its objects with their sizes, so a missing or truncated one shows without reading it; the charts of
full resolution are read and counted again. With `deep`, every array is decoded as well.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from datasets.digest import digest_of
from datasets.errors import LakeAccessError, SceneNotFoundError
from datasets.grids import NATIVE_SPACING
from datasets.labels import CHARTS, IGNORE
from datasets.lake import Lake
from datasets.plural import plural
from datasets.scene import Scene, SceneRecord
from datasets.stores.scene_store import SceneStore
from datasets.stores.scene_writer import CHUNK
from ingest.found_stores import holds_remains, store_names, unfinished_replacements

_THREADS: Final = 8
"""Scenes checked side by side: object stores have a high latency, not a low throughput."""

_FROM_STORE: Final = ("fingerprint", "source", "archive", "lines", "samples", "pixels", "dropped")
"""Fields of a row that must equal those of the store, as its recipe must; others may come from the catalog."""

_IF_SETTLED: Final = tuple(name for name in SceneRecord.model_fields if name not in {"recipe", "split", "unused"})
"""The same where the catalog says that a build need not open the stores, see `Lake.is_settled`."""


@dataclass(frozen=True, kw_only=True)
class LakeFinding:
    """One thing that is wrong.

    Attributes:
        scene_id: Where; empty for the lake itself.
        kind: `store`, `beside`, `row`, `object`, `digest`, `counts` or `content`.
        text: What was found and what should be.
    """

    scene_id: str
    kind: str
    text: str


def verify_lake(lake: Lake, *, deep: bool, on_scene: Callable[[str], None]) -> tuple[LakeFinding, ...]:
    """Looks at every scene of the lake.

    Args:
        lake: A lake with a catalog.
        deep: Decodes every array.
        on_scene: Called after each scene, with its id.

    Returns:
        Findings in order of the scenes; none if the lake is whole.

    Raises:
        LakeNotFoundError: There is no catalog.
    """
    findings = [*_recipe_findings(lake), *_digest_findings(lake), *_replacement_findings(lake)]
    settled = lake.is_settled()
    rows = {record.scene_id: record for record in lake.catalog()}
    names = sorted({*rows, *store_names(lake)})

    def look(scene_id: str) -> list[LakeFinding]:
        row = rows.get(scene_id)
        found = _strays(lake, scene_id) if row is None else _scene_findings(lake, row, settled, deep)
        return [LakeFinding(scene_id=scene_id, kind=kind, text=text) for kind, text in found]

    with ThreadPoolExecutor(_THREADS) as threads:
        for scene_id, found in zip(names, threads.map(look, names), strict=True):
            findings += found
            on_scene(scene_id)
    return tuple(findings)


def _recipe_findings(lake: Lake) -> Iterator[LakeFinding]:
    found = digest_of(lake.recipe["recipe"])
    if found != lake.recipe_digest:
        yield LakeFinding(
            scene_id="", kind="digest", text=f"recipe.json says {lake.recipe_digest}, its recipe gives {found}"
        )


def _digest_findings(lake: Lake) -> Iterator[LakeFinding]:
    """Readers take the digest that is kept, and do not hash every row again."""
    found = lake.digest_with(lake.catalog())
    if found != lake.digest:
        text = (
            f"the catalog keeps {lake.digest}, its rows give {found}: something else than a build has changed it; "
            "with --discard the next build of the same files looks into every store and writes it again"
        )
        yield LakeFinding(scene_id="", kind="digest", text=text)


def _replacement_findings(lake: Lake) -> Iterator[LakeFinding]:
    for scene_id in unfinished_replacements(lake):
        text = "there is an unfinished store that was to replace it; the next build of this scene removes it"
        yield LakeFinding(scene_id=scene_id, kind="beside", text=text)


def _strays(lake: Lake, scene_id: str) -> Iterator[tuple[str, str]]:
    try:
        lake.store(scene_id)
    except SceneNotFoundError:
        if holds_remains(lake, scene_id):
            yield "store", "unfinished, of a build that was stopped; the next build of this scene replaces it"
    else:
        yield "row", "a finished store without a row in the catalog; build with its raw file to take it in"


def _scene_findings(lake: Lake, row: SceneRecord, settled: bool, deep: bool) -> Iterator[tuple[str, str]]:
    if row.recipe != lake.recipe_digest:
        yield "digest", f"the row is of recipe {row.recipe}, the lake of {lake.recipe_digest}"
    try:
        store = lake.store(row.scene_id)
        record = SceneRecord.model_validate(store.record)
    except (SceneNotFoundError, ValueError) as error:
        text = "there is a row in the catalog, but no finished store"
        yield "store", text if isinstance(error, SceneNotFoundError) else "its record cannot be read"
        return
    if record.recipe != row.recipe:
        yield "digest", f"the store is of recipe {record.recipe}, its row of {row.recipe}"
    fields = _IF_SETTLED if settled else _FROM_STORE
    differing = [name for name in fields if getattr(record, name) != getattr(row, name)]
    if differing:
        yield "row", f"the row and the record of the store differ in {', '.join(differing)}"
    if settled and Scene(record, store).lacks_polygons:
        yield "row", "the store lacks its polygons, and the catalog has it as finished; --discard lets a build see it"
    damaged = set()
    found = store.found_objects()
    for key, size in store.objects.items():
        if found.get(key) != size:
            damaged.add("/".join(key.split("/")[:2]))
            has = f"has {found[key]} bytes of {size}" if key in found else f"is missing ({size} bytes)"
            yield "object", f"{key} {has}"
    yield from _count_findings(store, record, lake.ratios, damaged)
    if deep:
        yield from _content_findings(store, damaged)


def _count_findings(
    store: SceneStore, record: SceneRecord, ratios: tuple[int, ...], damaged: set[str]
) -> Iterator[tuple[str, str]]:
    """Counts the charts again where the grid of the source is in the lake."""
    ratio = record.pixel_spacing // NATIVE_SPACING
    if ratio not in ratios:
        return
    for name in CHARTS:
        if f"r{ratio}/{name}" in damaged:
            continue
        counts = np.zeros(IGNORE + 1, np.int64)
        try:
            for block in _blocks(store, f"r{ratio}", name):
                counts += np.bincount(block.ravel(), minlength=IGNORE + 1)
        except LakeAccessError:
            raise
        except Exception as error:  # noqa: BLE001 - what a decoder makes of broken bytes is any error
            yield "content", f"r{ratio}/{name} cannot be decoded ({type(error).__name__})"
            continue
        recounted = {value: int(count) * ratio**2 for value, count in enumerate(counts) if count}
        recorded = {value: count for value, count in record.pixels[name].items() if count}
        wrong = sorted(value for value in {*recounted, *recorded} if recounted.get(value) != recorded.get(value))
        if wrong:
            first = wrong[0]
            yield (
                "counts",
                f"{name} has {plural(recounted.get(first, 0), 'pixel')} of class {first}, the record says "
                f"{recorded.get(first, 0)}"
                + (
                    f" (and {plural(len(wrong) - 1, 'more class differs', 'more classes differ')})" if wrong[1:] else ""
                ),
            )


def _content_findings(store: SceneStore, damaged: set[str]) -> Iterator[tuple[str, str]]:
    """Decodes every array; a channel must have as many finite pixels as its statistics were made of."""
    moments = store.moments
    for key in store.array_names():
        if key in damaged:
            continue
        group, _, name = key.partition("/")
        finite = 0
        try:
            for block in _blocks(store, group, name):
                finite += int(np.count_nonzero(np.isfinite(block)))
        except LakeAccessError:
            raise
        except Exception as error:  # noqa: BLE001 - what a decoder makes of broken bytes is any error
            yield "content", f"{key} cannot be decoded ({type(error).__name__})"
            continue
        expected = moments.get(group, {}).get(name)
        if expected is not None and finite != expected[0]:
            yield "content", f"{key} has {plural(finite, 'finite pixel')}, its statistics are of {expected[0]}"


def _blocks(store: SceneStore, group: str, name: str) -> Iterator[np.ndarray]:
    lines = store.shape(group, name)[0]
    for start in range(0, lines, CHUNK):
        yield store.read(group, name, (slice(start, start + CHUNK),))
