"""`python -m ingest melt`: the cryospheric season of every scene of a lake."""

from calendar import month_abbr
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from datasets.catalog import Catalog
from datasets.lake import Lake
from datasets.lake_argument import LakeArgument
from datasets.lock import Lock, lock_lake
from datasets.plural import noun, plural
from datasets.process.terminal import out, progress, tell, user_errors
from ingest.lock_option import BreakLock

if TYPE_CHECKING:
    from ingest.melt.assign import Assignment, Earlier
    from ingest.melt.maps import MeltMaps
    from ingest.melt.rule import MeltRule


def melt(
    lake: LakeArgument,
    melt: Annotated[Path, typer.Option(help="Folder of the NASA melt maps, netCDF or binaries.")],
    onset: Annotated[
        Literal["continuous", "early"], typer.Option(help="The dates that open and close the melt season.")
    ] = "continuous",
    statistic: Annotated[
        Literal["median", "mean", "vote"], typer.Option(help="How the 25 km cells under a scene make one season.")
    ] = "median",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace seasons that scenes have by another rule or other maps.")
    ] = False,
    break_lock: BreakLock = False,
) -> None:
    """Give every scene of a lake its cryospheric season, melt or freeze, from the NASA melt dates.

    No array is touched: only the catalog and the records of the scenes change. A scene without a dated cell under it
    (open water, land) has no season. Run it again after scenes were added.
    """
    from ingest.melt.maps import MeltMaps
    from ingest.melt.rule import MeltRule

    with user_errors():
        maps = MeltMaps.open(melt)
        rule = MeltRule(onset=onset, statistic=statistic)
        Lake.open(lake)  # before a lock is left in a folder that is not a lake
        with lock_lake(lake, break_lock=break_lock) as lock:
            found = ask_melt_maps(Lake.open(lake), maps, rule, lock, earlier="overwrite" if overwrite else "must agree")
    tell_seasons(found, rule)
    tell(f"{found.changed} of {plural(len(found.catalog), 'record')} changed; the lake is {Lake.open(lake).digest} now")


def ask_melt_maps(lake: Lake, maps: "MeltMaps", rule: "MeltRule", lock: Lock, *, earlier: "Earlier") -> "Assignment":
    """Gives the scenes their seasons, with a bar."""
    from ingest.melt.assign import assign_cryoseasons

    with progress("asking the melt maps", len(lake.catalog())) as advance:
        return assign_cryoseasons(lake, maps, rule, earlier=earlier, on_scene=advance, check_lock=lock.check)


def tell_seasons(found: "Assignment", rule: "MeltRule") -> None:
    """Shows the seasons that the maps gave."""
    caption = f"{rule.onset} onset · {rule.statistic} of cells · {', '.join(found.files)}"
    out.print(_month_table(found.catalog, caption))
    if found.without_year_before:
        tell(
            f"{plural(found.without_year_before, 'scene')} of January and February "
            f"{noun(found.without_year_before, 'was', 'were')} judged without the map of the year before, whose melt "
            "season may run on to 14 February"
        )


def _month_table(catalog: Catalog, caption: str) -> Table:
    from ingest.melt.assign import by_month

    table = Table(title="scenes by month and cryospheric season", caption=caption, padding=0)  # 80 columns hold a year
    table.add_column("")
    for name in (*month_abbr[1:], "all"):
        table.add_column(name, justify="right")
    for season, months in by_month(catalog).items():
        table.add_row(season, *(str(count) if count else "-" for count in months), str(sum(months)))
    return table
