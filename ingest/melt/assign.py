"""The melt season of all scenes of a lake: all votes first, then one amendment of the lake. Wiring only."""

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from datasets.catalog import Catalog
from datasets.errors import LakeNotFoundError
from datasets.lake import Lake
from datasets.plural import noun, plural
from datasets.scene import SceneRecord
from datasets.season_updates import amend, cryoseason_source
from ingest.geometry import TiePoints
from ingest.melt.errors import SeasonsKeptError
from ingest.melt.grid import footprint_cells
from ingest.melt.maps import PAIRS, MeltMaps
from ingest.melt.rule import DEFAULT_RULE, MeltRule, needs_year_before, vote
from ingest.source import is_scene_name, scene_id_of

SEASON_ROWS = ("melt", "freeze", "none")

Earlier = Literal["must agree", "keep", "overwrite"]


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """The outcome for a lake.

    Attributes:
        catalog: The catalog that is in the lake now.
        changed: Scenes whose record is another than before.
        without_year_before: Scenes of January and February that were judged without the map of the year before.
        files: Names of the melt maps that decided.
    """

    catalog: Catalog
    changed: int
    without_year_before: int
    files: tuple[str, ...]


def assign_cryoseasons(
    lake: Lake,
    maps: MeltMaps,
    rule: MeltRule = DEFAULT_RULE,
    *,
    earlier: Earlier = "must agree",
    on_scene: Callable[[str], None],
    check_lock: Callable[[], None],
) -> Assignment:
    """Gives every scene of a lake its cryoseason and the share of cells that voted.

    Nothing is written before every scene has its vote, and no array is touched. A build that adds scenes later keeps
    the seasons of these, and leaves the new ones without until this runs again.

    Args:
        lake: A finished lake.
        maps: Melt maps of all years of its scenes.
        rule: How cells make a season.
        earlier: What becomes of seasons that scenes have already: `must agree` refuses to change any, `keep` leaves
            them as they are and gives the other scenes theirs, `overwrite` replaces them.
        on_scene: Called after each vote, with the scene's id.
        check_lock: Called before the catalog is written; raises if another process has taken the lake.

    Raises:
        NoMeltMapError: A year of some scene has no map.
        MeltMapError: A map cannot be used.
        SeasonsKeptError: Other seasons are there that may not change.
    """
    rows: list[SceneRecord] = []
    sources: dict[str, dict[str, Any]] = {}
    digests: dict[str, str] = {}
    without_year_before = 0
    for record in lake.catalog():
        if earlier == "keep" and record.melt_cells is not None:
            rows.append(record)
            sources[record.scene_id] = dict(cryoseason_source(lake, record.scene_id) or {})
            continue
        year = record.acquired.year
        without_year_before += needs_year_before(record.acquired) and year - 1 not in maps.years
        cells = footprint_cells(TiePoints.from_points(lake.scene(record.scene_id).tie_points()))
        found = vote(maps, cells, record.acquired, rule)
        rows.append(record.model_copy(update={"cryoseason": found.season, "melt_cells": found.share}))
        used = {maps.path(found.year, name) for name in PAIRS[rule.onset]}
        digests |= {path.name: _sha256(path) for path in used if path.name not in digests}
        sources[record.scene_id] = {
            "rule": rule.model_dump(mode="json"),
            "maps": {name: digests[name] for name in sorted(path.name for path in used)},
        }
        on_scene(record.scene_id)
    catalog = Catalog.of(rows)
    if earlier == "must agree":
        _check_agreement(lake, catalog)
    changed = amend(lake, catalog, sources=sources, check_lock=check_lock)
    return Assignment(
        catalog=catalog, changed=changed, without_year_before=without_year_before, files=tuple(sorted(digests))
    )


def check_years(maps: MeltMaps, lake_url: str, sources: Iterable[str]) -> None:
    """Checks that there is a map for every year that the lake will have, before a build that takes hours.

    Args:
        maps: Melt maps.
        lake_url: The lake, if there is one yet; the scenes that readers see count.
        sources: Files that are going to be scenes of it; a name outside the grammar is left to their conversion.

    Raises:
        NoMeltMapError: A year has none.
    """
    years = {int(scene_id_of(path)[:4]) for path in sources if is_scene_name(path)}
    with suppress(LakeNotFoundError):
        years |= {record.acquired.year for record in Lake.open(lake_url).catalog()}
    for year in sorted(years):
        for name in PAIRS[DEFAULT_RULE.onset]:
            maps.path(year, name)


def check_rule(lake_url: str) -> None:
    """Raises SeasonsKeptError where the scenes of a lake have seasons by another rule than a build adds."""
    with suppress(LakeNotFoundError):
        lake = Lake.open(lake_url)
        given = next((row.scene_id for row in lake.catalog() if row.melt_cells is not None), None)
        found = (cryoseason_source(lake, given) or {}).get("rule") if given else None
        if found not in (None, DEFAULT_RULE.model_dump(mode="json")):
            words = " ".join(f"--{name} {value}" for name, value in found.items())
            raise SeasonsKeptError(
                f"scenes of {lake_url!r} have their melt season by another rule ({words}): build without --melt, then "
                f"run `python -m ingest melt` with {words}"
            )


def _check_agreement(lake: Lake, catalog: Catalog) -> None:
    differing = [
        old.scene_id
        for old, new in zip(lake.catalog(), catalog, strict=True)
        if old.melt_cells is not None and (old.cryoseason, old.melt_cells) != (new.cryoseason, new.melt_cells)
    ]
    if differing:
        raise SeasonsKeptError(
            f"{plural(len(differing), 'scene')} of {lake.url!r} {noun(len(differing), 'has', 'have')} another melt "
            f"season or share of cells already, by another rule or other maps (first: {differing[0]}): give the same "
            "options again, or --overwrite for the new ones"
        )


def by_month(catalog: Catalog) -> dict[str, tuple[int, ...]]:
    """Scenes of each acquisition month, January first, by `melt`, `freeze` and `none`."""
    counts = {name: [0] * 12 for name in SEASON_ROWS}
    for record in catalog:
        counts[record.cryoseason or "none"][record.acquired.month - 1] += 1
    return {name: tuple(months) for name, months in counts.items()}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
