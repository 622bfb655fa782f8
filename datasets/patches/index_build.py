"""`build_index`: the patch index of some scenes of a lake, from what was kept or from the scenes themselves."""

import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from datasets.errors import SceneNotFoundError, SplitError
from datasets.lake import Lake
from datasets.patches.index_store import IndexStore
from datasets.patches.patch_index import IndexedScene, PatchIndex
from datasets.patches.patch_rules import PatchRule, ScenePatches, SceneTables, pure_windows
from datasets.plural import noun, plural
from datasets.process.machine import usable_memory
from datasets.scene import SceneRecord
from datasets.storage import READERS

logger = logging.getLogger(__name__)


_SIDE_BY_SIDE: Final = 4
"""Scenes read whole at a time, and fewer where they would take too much memory."""

_MEMORY: Final = 4 << 30
"""Bytes that these take at most, of a machine that has twice as many."""
_PIXEL_BYTES: Final = 18
"""Of a scene with both rules: chart and mask, three tables of 4 bytes, one float32 variable."""

_NO_PATCHES: Final = ScenePatches(
    line=np.empty(0, np.int32), sample=np.empty(0, np.int32), label=np.empty(0, np.uint8), pure=0, clear=0
)


def build_index(
    lake: Lake,
    records: Iterable[SceneRecord],
    rule: PatchRule,
    *,
    folder: Path | None = None,
) -> PatchIndex:
    """Finds all patches of some scenes.

    Scenes that were indexed before are not read again. What is found is kept in the lake (see `IndexStore`), scene by
    scene, so a call continues what a stopped one began; if the lake may not be written, one line is logged.

    Args:
        lake: Of the scenes.
        records: Rows of the lake's catalog, in any order.
        rule: What makes a window a patch.
        folder: Where the index is kept if the lake may not be written; a folder of this machine.

    Returns:
        The patches, scenes in order of scene_id. Scenes smaller than a patch are in `too_small`, classes without a
        patch in `absent_classes`.

    Raises:
        SceneNotFoundError: The lake has no such ratio, or a scene is missing, or is not the one that its row describes.
        SplitError: No scene was given, the patch is larger than every scene, or no window is a patch.
    """
    rows = sorted(records, key=lambda record: record.scene_id)
    if not rows:
        raise SplitError("a patch index needs at least one scene: give the scenes of a split that has some")
    if rule.ratio not in lake.ratios:
        raise SceneNotFoundError(
            f"the lake {lake.url!r} has no ratio {rule.ratio}, it has {', '.join(map(str, lake.ratios))}: choose one "
            "of them, or build a lake with this ratio"
        )
    _check_size(rows, rule)
    store = IndexStore(lake, rule, folder)
    index = store.get_set(rows)
    if index is None:
        index = PatchIndex.joined(_parts(lake, rows, rule, store))
        store.put_set(rows, index)
    if not len(index):
        raise SplitError(_no_patch(index))
    return index


def index_scene(lake: Lake, record: SceneRecord, rule: PatchRule) -> PatchIndex:
    """Finds the patches of one scene; reads the chart, and other variables only if the rule needs them.

    Raises:
        SceneNotFoundError: The scene is missing, or is not the one that the record describes.
    """
    windows = rule.windows(_shape(record, rule))
    found = _NO_PATCHES
    if windows and record.labelled(rule.target):
        scene = lake.scene(record.scene_id)
        if scene.record.fingerprint != record.fingerprint:
            raise SceneNotFoundError(
                f"the scene {record.scene_id} of the lake {lake.url!r} is not the one of the catalog (content "
                f"{scene.record.fingerprint} instead of {record.fingerprint}): it is being built again, so wait for "
                "the build, or run it again if it was stopped"
            )

        def read(name: str) -> NDArray[np.generic]:
            return scene.window(rule.ratio, name, slice(None), slice(None))

        found = pure_windows(SceneTables(read, rule.target), rule)
    entry = IndexedScene(
        scene_id=record.scene_id,
        fingerprint=record.fingerprint,
        windows=windows,
        pure=found.pure,
        clear=found.clear,
        patches=found.label.size,
    )
    return PatchIndex(
        rule=rule,
        scenes=(entry,),
        scene=np.zeros(found.label.size, np.int32),
        line=found.line,
        sample=found.sample,
        label=found.label,
    )


def _parts(lake: Lake, rows: list[SceneRecord], rule: PatchRule, store: IndexStore) -> list[PatchIndex]:
    """The index of each scene, in order."""
    parts: dict[str, PatchIndex] = {}

    def make(record: SceneRecord) -> PatchIndex:
        part = index_scene(lake, record, rule)
        store.put_scene(record, part)
        return part

    kept = store.having(rows)
    with ThreadPoolExecutor(READERS) as threads:
        for record, part in zip(kept, threads.map(store.get_scene, kept), strict=True):
            if part is not None:
                parts[record.scene_id] = part
    missing = [record for record in rows if record.scene_id not in parts]
    if missing:
        largest = max(lines * samples for lines, samples in (_shape(record, rule) for record in missing))
        side_by_side = max(1, min(_SIDE_BY_SIDE, min(_MEMORY, usable_memory() // 2) // (_PIXEL_BYTES * largest)))
        with ThreadPoolExecutor(side_by_side) as threads:
            for record, part in zip(missing, threads.map(make, missing), strict=True):
                parts[record.scene_id] = part
        logger.info("indexed %d scenes of %s by rule %s", len(missing), lake.url, rule.digest)
    return [parts[record.scene_id] for record in rows]


def _shape(record: SceneRecord, rule: PatchRule) -> tuple[int, int]:
    return record.lines // rule.ratio, record.samples // rule.ratio


def _check_size(rows: list[SceneRecord], rule: PatchRule) -> None:
    largest = max(rows, key=lambda record: min(_shape(record, rule)))
    lines, samples = _shape(largest, rule)
    if rule.patch_size > min(lines, samples):
        raise SplitError(
            f"a patch of {rule.patch_size} pixels fits into none of {plural(len(rows), 'scene')} at ratio "
            f"{rule.ratio}, the largest ({largest.scene_id}) has {lines} x {samples}: use a patch_size of at most "
            f"{min(lines, samples)}, or a smaller ratio"
        )


def _no_patch(index: PatchIndex) -> str:
    rule = index.rule
    windows, pure, clear = (
        sum(getattr(scene, step) for scene in index.scenes) for step in ("windows", "pure", "clear")
    )
    counts = f"{pure} {noun(pure, 'has', 'have')} one class in all their pixels"
    advice = ["a smaller patch_size or stride"]
    if rule.border_distance and pure:
        counts += f", {clear} of these {noun(clear, 'is', 'are')} {rule.border_distance:g} m from every polygon border"
        advice.append("a smaller border_distance")
    if rule.max_land < 1 and clear:
        counts += f", none of these has at most {rule.max_land:.0%} land"
        advice.append("a larger max_land")
    return (
        f"none of {plural(windows, 'window')} of {rule.patch_size} pixels in {plural(len(index.scenes), 'scene')} is "
        f"a patch with one class of {rule.target}: {counts}; use {', '.join(advice)}, or more scenes"
    )
