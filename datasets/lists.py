"""The 15 scene lists of IceBench, written from a catalog and compared with published ones.

`{season}_{location}_train_files.json` with season Melt, Freeze or TwoSeasons and location all or cat1 to cat4: a JSON
list of raw file names of training-archive scenes (of a lake of ready-to-train files: their names).

TwoSeasons is the union of Melt and Freeze everywhere. The published lists break this: their TwoSeasons_cat1 to cat4
also hold the 36 scenes that have no season, TwoSeasons_all does not (512 against 476 scenes). `as_published` follows
them.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from datasets.catalog import Catalog
from datasets.errors import IceBenchError
from datasets.plural import plural
from datasets.seasons import LOCATIONS, Cryoseason

LIST_SEASONS: Final[dict[str, tuple[Cryoseason, ...]]] = {
    "Melt": ("melt",),
    "Freeze": ("freeze",),
    "TwoSeasons": ("melt", "freeze"),
}
LIST_LOCATIONS: Final = ("all", *LOCATIONS)
SEASON_WORDS: Final = ("melt", "freeze", "none")
UNLISTED: Final = "not listed"
PUBLISHED_SEASONS: Final[Mapping[str, Mapping[str, int]]] = {
    "melt": {"cat1": 98, "cat2": 85, "cat3": 71, "cat4": 10},
    "freeze": {"cat1": 55, "cat2": 83, "cat3": 53, "cat4": 21},
    "none": {"cat1": 24, "cat2": 10, "cat3": 2, "cat4": 0},
}
"""Scenes of the published lists by season and location; without a season are those of TwoSeasons lists alone."""

_NAME = re.compile(r"(S1[AB]_EW_GRDM_1SDH_)?(?P<start>\d{8}T\d{6})_(.+_icechart_)?(?P<provider>dmi|cis)[_.].*")
"""Names of the raw and of the ready-to-train product (`20180325T194759_dmi_prep.nc`)."""


class ListError(IceBenchError, ValueError):
    """Lists that cannot be written or compared."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """One list of ours beside the published one; counts of scenes.

    Attributes:
        name: File name of the list.
        both: In both lists.
        only_ours: Only in ours.
        only_theirs: Only in theirs.
        not_in_lake: How many of `only_theirs` are no training scene of the lake.
    """

    name: str
    both: int
    only_ours: int
    only_theirs: int
    not_in_lake: int

    @property
    def jaccard(self) -> float:
        """Scenes in both over scenes in any; 1 for two empty lists."""
        union = self.both + self.only_ours + self.only_theirs
        return self.both / union if union else 1.0


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """A training scene of the lake that has another season in the published lists, or is in none of them."""

    scene_id: str
    location: str
    region: str
    ours: str
    theirs: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Our lists beside published ones.

    Attributes:
        agreements: One row for each list that was published, in order.
        disagreements: Scenes with another season, in order of scene_id; no season agrees with not being listed.
        confusion: Training scenes of the lake by `(ours, theirs)`: melt, freeze or none, and theirs also `not listed`.
    """

    agreements: tuple[Agreement, ...]
    disagreements: tuple[Disagreement, ...]
    confusion: Mapping[tuple[str, str], int]


def list_name(season: str, location: str) -> str:
    """File name of a list."""
    return f"{season}_{location}_train_files.json"


def season_lists(catalog: Catalog, *, as_published: bool = False) -> dict[str, tuple[str, ...]]:
    """Raw file names of each of the 15 lists, sorted, by file name of the list.

    Args:
        catalog: Rows of both archives; only those of the training archive count, whatever their split.
        as_published: Whether the TwoSeasons lists of the categories also hold scenes without a season.

    Raises:
        ListError: No training scene has a cryoseason.
    """
    rows = [record for record in catalog if record.archive == "train"]
    if not any(record.cryoseason for record in rows):
        raise ListError(
            f"none of {plural(len(rows), 'training scene')} of the lake has a cryoseason: add it with "
            "`python -m ingest melt LAKE --melt DIR`"
        )
    lists = {}
    for season, words in LIST_SEASONS.items():
        for location in LIST_LOCATIONS:
            any_season = as_published and season == "TwoSeasons" and location != "all"
            lists[list_name(season, location)] = tuple(
                sorted(
                    record.source
                    for record in rows
                    if location in ("all", record.location) and (any_season or record.cryoseason in words)
                )
            )
    return lists


def write_lists(lists: Mapping[str, tuple[str, ...]], folder: Path) -> list[Path]:
    """Writes each list as JSON; raises ListError if the folder is a file."""
    if folder.exists() and not folder.is_dir():
        raise ListError(f"{str(folder)!r} is a file: give a folder for the lists")
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in lists]
    for path in paths:
        path.write_text(json.dumps(lists[path.name], indent=1) + "\n", encoding="utf-8")
    return paths


def scene_key(name: str) -> str:
    """Key of a scene, the same in both products: the scene id in a file name, or the name if it has none."""
    bare = PurePosixPath(name).name
    match = _NAME.fullmatch(bare)
    return f"{match['start']}_{match['provider']}" if match else bare


def read_lists(folder: Path) -> dict[str, frozenset[str]]:
    """Scenes (`scene_key`) of the lists that a folder holds.

    Raises:
        ListError: There is none, or one is no JSON list of names.
    """
    names = [list_name(season, location) for season in LIST_SEASONS for location in LIST_LOCATIONS]
    found = {}
    for name in names:
        path = folder / name
        if not path.is_file():
            continue
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ListError(f"{str(path)!r} cannot be read as JSON ({error}): copy the list again") from error
        if not isinstance(content, list) or not all(isinstance(entry, str) for entry in content):
            raise ListError(f"{str(path)!r} is not a JSON list of file names: copy the list again")
        found[name] = frozenset(map(scene_key, content))
    if not found:
        raise ListError(
            f"the folder {str(folder)!r} holds none of the {len(names)} lists (first: {names[0]}): give the folder "
            "files_json of the published code"
        )
    return found


def compare(catalog: Catalog, ours: Mapping[str, tuple[str, ...]], theirs: Mapping[str, frozenset[str]]) -> Comparison:
    """Compares list by list and scene by scene.

    A scene's published season comes from Melt_all and Freeze_all, or from the lists of its category where those are
    missing; a scene that is only in TwoSeasons lists has none.
    """
    rows = [record for record in catalog if record.archive == "train"]
    known = {scene_key(record.source) for record in rows}
    agreements = []
    for name, published in theirs.items():
        mine = set(map(scene_key, ours[name]))
        agreements.append(
            Agreement(
                name=name,
                both=len(mine & published),
                only_ours=len(mine - published),
                only_theirs=len(published - mine),
                not_in_lake=len(published - known),
            )
        )
    seasons = _published_seasons(theirs)
    confusion = {(our_word, word): 0 for our_word in SEASON_WORDS for word in (*SEASON_WORDS, UNLISTED)}
    disagreements = []
    for record in rows:
        pair = (record.cryoseason or "none", seasons.get(scene_key(record.source), UNLISTED))
        confusion[pair] += 1
        if pair[0] != pair[1] and pair != ("none", UNLISTED):
            disagreements.append(
                Disagreement(
                    scene_id=record.scene_id,
                    location=record.location,
                    region=record.region,
                    ours=pair[0],
                    theirs=pair[1],
                )
            )
    return Comparison(agreements=tuple(agreements), disagreements=tuple(disagreements), confusion=confusion)


def most_in_agreement(catalog: Catalog) -> int | None:
    """The most scenes that can have the season of the published lists, by counts of season and location alone.

    None where the training archive of the lake has another number of scenes than the lists.
    """
    rows = [record for record in catalog if record.archive == "train"]
    if len(rows) != sum(sum(of_season.values()) for of_season in PUBLISHED_SEASONS.values()):
        return None
    ours: Counter[tuple[str, str]] = Counter((record.cryoseason or "none", record.location) for record in rows)
    return sum(
        min(ours[season, location], count)
        for season, of_season in PUBLISHED_SEASONS.items()
        for location, count in of_season.items()
    )


def _published_seasons(theirs: Mapping[str, frozenset[str]]) -> dict[str, str]:
    """Season of each published scene; a later kind of list is more reliable."""
    seasons: dict[str, str] = {}
    for kind, word in (("TwoSeasons", "none"), ("Freeze", "freeze"), ("Melt", "melt")):
        for location in LIST_LOCATIONS:
            seasons |= dict.fromkeys(theirs.get(list_name(kind, location), ()), word)
    return seasons
