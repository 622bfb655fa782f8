"""Seeded split of the training archive into train and val, which keeps each orbit pass together.

The test scenes are those of the test archive. Frames of one pass look alike and two services may chart one frame, so
passes move as a whole, and training scenes on the pass of a test scene are not used at all (the published split leaks
both ways). Neither are scenes without a chart, nor those that the archive has withdrawn. Scenes that were built to be
predicted are of no archive: they stay apart, and whatever they share a pass with is as it would be without them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final

import numpy as np

from datasets.catalog import Catalog
from datasets.errors import SplitError
from datasets.scene import SceneRecord, Split

VAL_SCENES: Final = 18
"""Published size of the validation set (of 512 scenes)."""


WITHDRAWN: Final = {"20200625T081801_dmi": "withdrawn by its authors on 2023-02-10 for an error in its ice chart"}
"""Scenes that the published archives hold and no list of theirs names any more, and why. The date is that of commit
4d5e3bc of the starter kit, astokholm/AI4ArcticSeaIceChallenge."""


def default_val_scenes(archive_scenes: int) -> int:
    """The published 18, and at most an eighth of a smaller archive; a single scene stays a training scene."""
    return min(VAL_SCENES, -(-archive_scenes // 8), max(archive_scenes - 1, 0))


def assign_splits(
    records: Iterable[SceneRecord], *, seed: int, val_scenes: int | None = None, include_withdrawn: bool = False
) -> Catalog:
    """Gives every scene its split, and the reason to those that are not used.

    Passes are taken in seeded order, always from the stratum (season x location) that the validation set represents
    least, until `val_scenes` are reached. A pass that would overshoot is skipped unless no smaller one is left.

    Args:
        records: All scenes of the lake, in any order; the result does not depend on it.
        seed: Of the draw.
        val_scenes: Wanted size of the validation set; None for the default.
        include_withdrawn: Uses the scenes of `WITHDRAWN` like any other.

    Raises:
        SplitError: The validation set would leave no training scene.
    """
    catalog = Catalog.of(records)
    reasons = reasons_not_to_use(catalog, include_withdrawn=include_withdrawn)
    usable = [row for row in catalog if row.archive == "train" and reasons[row.scene_id] is None]
    wanted = default_val_scenes(len(usable)) if val_scenes is None else val_scenes
    if usable and wanted >= len(usable):
        raise SplitError(
            f"{wanted} validation scenes of {len(usable)} usable training scenes are too many: ask for fewer with "
            "--val-scenes, or build more scenes"
        )
    chosen = _draw(usable, wanted, seed)

    def split_of(row: SceneRecord) -> Split:
        if reasons[row.scene_id] is not None:
            return "unused"
        if row.archive != "train":
            return row.archive
        return "val" if row.orbit_pass in chosen else "train"

    return Catalog(
        tuple(row.model_copy(update={"split": split_of(row), "unused": reasons[row.scene_id]}) for row in catalog)
    )


def reasons_not_to_use(catalog: Catalog, *, include_withdrawn: bool = False) -> dict[str, str | None]:
    """Why each scene is not used; None for one that is."""
    withdrawn = {} if include_withdrawn else WITHDRAWN
    tested = {row.orbit_pass for row in catalog if row.archive == "test" and row.scene_id not in withdrawn}

    def unused(row: SceneRecord) -> str | None:
        if row.archive == "predict":
            return None
        if row.scene_id in withdrawn:
            return withdrawn[row.scene_id]
        if row.archive == "test":
            return None
        if row.orbit_pass in tested:
            return "on the orbit pass of a test scene"
        return None if row.charted else "without a chart"

    return {row.scene_id: unused(row) for row in catalog}


def _draw(rows: list[SceneRecord], wanted: int, seed: int) -> set[tuple[str, int]]:
    passes: defaultdict[tuple[str, int], list[SceneRecord]] = defaultdict(list)
    for row in rows:
        passes[row.orbit_pass].append(row)
    names = sorted(passes)
    order = [names[place] for place in np.random.default_rng(seed).permutation(len(names))]
    stratum = {name: (passes[name][0].season, passes[name][0].location) for name in names}
    size = Counter(stratum[name] for name in names for _ in passes[name])
    taken: Counter[tuple[str, str]] = Counter()
    chosen: set[tuple[str, int]] = set()
    missing = wanted
    while missing > 0:
        fitting = [name for name in order if name not in chosen and len(passes[name]) <= missing]
        if not fitting:
            # Only passes of several frames are left: the smallest overshoots the least, but train must keep a pass.
            rest = sorted((name for name in order if name not in chosen), key=lambda name: len(passes[name]))
            if chosen or len(rest) < 2:
                break
            fitting = rest[:1]
        best = min(fitting, key=lambda name: (taken[stratum[name]] + 1) / size[stratum[name]])
        chosen.add(best)
        taken[stratum[best]] += len(passes[best])
        missing -= len(passes[best])
    return chosen
