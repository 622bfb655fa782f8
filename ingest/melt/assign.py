"""The melt season of all scenes of a lake: all votes first, then one amendment of the lake. Wiring only."""

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets.catalog import Catalog
from datasets.lake import Lake
from datasets.scene import SceneRecord
from datasets.season_updates import amend
from ingest.errors import SceneNameError
from ingest.geometry import TiePoints
from ingest.melt.grid import footprint_cells
from ingest.melt.maps import PAIRS, MeltMaps
from ingest.melt.rule import DEFAULT_RULE, MeltRule, needs_year_before, vote
from ingest.source import scene_id_of

SEASON_ROWS = ("melt", "freeze", "none")


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
        on_scene: Called after each vote, with the scene's id.
        check_lock: Called before the catalog is written; raises if another process has taken the lake.

    Raises:
        NoMeltMapError: A year of some scene has no map.
        MeltMapError: A map cannot be used.
    """
    rows: list[SceneRecord] = []
    sources: dict[str, dict[str, Any]] = {}
    digests: dict[str, str] = {}
    without_year_before = 0
    for record in lake.catalog():
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
    changed = amend(lake, catalog, sources=sources, check_lock=check_lock)
    return Assignment(
        catalog=catalog, changed=changed, without_year_before=without_year_before, files=tuple(sorted(digests))
    )


def check_years(maps: MeltMaps, lake: Lake, sources: Iterable[str], rule: MeltRule = DEFAULT_RULE) -> None:
    """Checks that there is a map for every year that the lake will have, before a build that takes hours.

    Args:
        maps: Melt maps.
        lake: As it is now; the scenes that readers see count.
        sources: Files that are going to be scenes of it; a name outside the grammar is left to their conversion.
        rule: Which maps of a year are needed.

    Raises:
        NoMeltMapError: A year has none.
    """
    shown = lake.shown()
    years = {record.acquired.year for record in shown.catalog()} if shown.has_catalog() else set()
    for path in sources:
        with suppress(SceneNameError):
            years.add(int(scene_id_of(path)[:4]))
    for year in sorted(years):
        for name in PAIRS[rule.onset]:
            maps.path(year, name)


def by_month(catalog: Catalog) -> dict[str, tuple[int, ...]]:
    """Scenes of each acquisition month, January first, by `melt`, `freeze` and `none`."""
    counts = {name: [0] * 12 for name in SEASON_ROWS}
    for record in catalog:
        counts[record.cryoseason or "none"][record.acquired.month - 1] += 1
    return {name: tuple(months) for name, months in counts.items()}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
