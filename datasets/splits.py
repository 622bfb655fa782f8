"""Seeded split of the training archive into train and val, which keeps each orbit pass together.

The test scenes are those of the test archive. Frames of one pass look alike and two services may chart one frame, so
passes move as a whole, and training scenes on the pass of a test scene are not used at all (the published split leaks
both ways). Neither are scenes without a chart, nor those that the archive has withdrawn. Scenes that were built to be
predicted are of no archive: they stay apart, and whatever they share a pass with is as it would be without them.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from datasets.catalog import Catalog
from datasets.errors import SplitError
from datasets.plural import noun, plural
from datasets.scene import Archive, SceneRecord, Split

_Pass = tuple[str, int]


class _Frame(NamedTuple):
    """What the draw asks of a training scene."""

    orbit_pass: _Pass
    season: str
    location: str


SPLIT_SEED: Final = 16
"""Of the draw of the validation set where nobody says another."""

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
    drawn = splits_of(catalog, seed=seed, val_scenes=val_scenes, include_withdrawn=include_withdrawn)
    return Catalog(
        tuple(
            row.model_copy(update={"split": split, "unused": reason})
            for row, (split, reason) in zip(catalog, drawn, strict=True)
        )
    )


def splits_of(
    catalog: Catalog, *, seed: int, val_scenes: int | None = None, include_withdrawn: bool = False
) -> list[tuple[Split, str | None]]:
    """Split of every scene of a catalog, and why it is unused; see `assign_splits`, which puts them into the rows."""
    reasons = list(reasons_not_to_use(catalog, include_withdrawn=include_withdrawn).values())
    archives, passes = catalog.column("archive"), _passes(catalog)
    usable = [
        _Frame(*each)
        for each, archive, reason in zip(
            zip(passes, catalog.column("season"), catalog.column("location"), strict=True),
            archives,
            reasons,
            strict=True,
        )
        if archive == "train" and reason is None
    ]
    wanted = default_val_scenes(len(usable)) if val_scenes is None else val_scenes
    if usable and wanted >= len(usable):
        raise SplitError(
            f"{plural(wanted, 'validation scene')} of {plural(len(usable), 'usable training scene')} "
            f"{noun(wanted, 'is', 'are')} too many: ask for fewer with --val-scenes, or build more scenes"
        )
    chosen = _draw(usable, wanted, seed)

    def split_of(orbit_pass: _Pass, archive: Archive, reason: str | None) -> Split:
        if reason is not None:
            return "unused"
        if archive != "train":
            return archive
        return "val" if orbit_pass in chosen else "train"

    return [
        (split_of(orbit_pass, archive, reason), reason)
        for orbit_pass, archive, reason in zip(passes, archives, reasons, strict=True)
    ]


def reasons_not_to_use(catalog: Catalog, *, include_withdrawn: bool = False) -> dict[str, str | None]:
    """Why each scene is not used; None for one that is."""
    withdrawn = {} if include_withdrawn else WITHDRAWN
    rows = list(
        zip(catalog.scene_ids, catalog.column("archive"), _passes(catalog), catalog.column("charted"), strict=True)
    )
    tested = {each for scene_id, archive, each, _ in rows if archive == "test" and scene_id not in withdrawn}

    def unused(scene_id: str, archive: Archive, orbit_pass: _Pass, charted: bool) -> str | None:
        if archive == "predict":
            return None
        if scene_id in withdrawn:
            return withdrawn[scene_id]
        if archive == "test":
            return None
        if orbit_pass in tested:
            return "on the orbit pass of a test scene"
        return None if charted else "without a chart"

    return {row[0]: unused(*row) for row in rows}


def _passes(catalog: Catalog) -> list[_Pass]:
    """The orbit pass of every scene, see `SceneRecord.orbit_pass`."""
    return list(zip(catalog.column("satellite").tolist(), catalog.column("orbit").tolist(), strict=True))


def _draw(rows: list[_Frame], wanted: int, seed: int) -> set[_Pass]:
    passes: defaultdict[_Pass, list[_Frame]] = defaultdict(list)
    for row in rows:
        passes[row.orbit_pass].append(row)
    names = sorted(passes)
    order = [names[place] for place in np.random.default_rng(seed).permutation(len(names))]
    stratum = {name: (passes[name][0].season, passes[name][0].location) for name in names}
    size = Counter(stratum[name] for name in names for _ in passes[name])
    place = {name: number for number, name in enumerate(order)}
    waiting: defaultdict[tuple[str, str], deque[_Pass]] = defaultdict(deque)
    for name in order:
        waiting[stratum[name]].append(name)
    taken: Counter[tuple[str, str]] = Counter()
    chosen: set[_Pass] = set()
    missing = wanted
    while missing > 0:
        for names_left in waiting.values():
            while names_left and len(passes[names_left[0]]) > missing:
                names_left.popleft()  # ever fewer are missing: it will not fit later either
        fitting = [names_left[0] for names_left in waiting.values() if names_left]
        if not fitting:
            # Only passes of several frames are left: the smallest overshoots the least, but train must keep a pass.
            if chosen or len(order) < 2:
                break
            return {min(order, key=lambda name: len(passes[name]))}
        best = min(fitting, key=lambda name: ((taken[stratum[name]] + 1) / size[stratum[name]], place[name]))
        waiting[stratum[best]].popleft()
        chosen.add(best)
        taken[stratum[best]] += len(passes[best])
        missing -= len(passes[best])
    return chosen
