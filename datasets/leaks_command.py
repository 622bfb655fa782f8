"""`python -m datasets leaks`: for each test scene the nearest training scenes, in space and in time."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.table import Table

from datasets.lake_argument import LakeArgument
from datasets.plural import noun, plural
from datasets.process.terminal import MOST_LISTED, out, print_whole, tell, user_errors

if TYPE_CHECKING:
    from datasets.leaks import Leak, Neighbour

_NEAR_DAYS: Final = 10
"""Ice that was seen so few days before is mostly the same ice."""


def leaks(
    lake: LakeArgument,
    csv: Annotated[Path | None, typer.Option(help="Also write the table into this file.", metavar="FILE")] = None,
) -> None:
    """Print how near training scenes are to each test scene, in kilometres and days.

    Near ones make test scores too good. `python -m ingest build --apart KM,DAYS` leaves them out of training.
    """
    from datasets.lake import Lake  # pandas, zarr: not for --help
    from datasets.leaks import leaks as find

    with user_errors():
        found = find(Lake.open(lake).catalog())
        if csv is not None:
            _write(found, csv)
    if not found:
        tell("the lake has no test scene, or no training scene")
        return
    table = Table(title="nearest training scene of each test scene")
    for name in ("test scene", "in space", "in time", "touching, nearest in time"):
        table.add_column(name, overflow="fold")
    for row in found[:MOST_LISTED]:
        cells = (row.in_space, row.in_time, row.same_place)
        table.add_row(row.scene_id, *(_words(each) for each in cells))
    print_whole(table)
    if len(found) > MOST_LISTED:
        tell(f"these are the first {MOST_LISTED} of {len(found)} test scenes; all of them: --csv FILE")
    near = sum(row.same_place is not None and row.same_place.days <= _NEAR_DAYS for row in found)
    out.print(
        f"{near} of {plural(len(found), 'test scene')} {noun(near, 'is', 'are')} touched by a training scene within "
        f"{_NEAR_DAYS} days",
        highlight=False,
        soft_wrap=True,
    )


def _words(each: "Neighbour | None") -> str:
    return "–" if each is None else f"{each.scene_id}: {each.km:.0f} km, {each.days:.1f} days"


def _write(found: "tuple[Leak, ...]", path: Path) -> None:
    import pandas as pd

    rows = [
        {"scene_id": row.scene_id}
        | {
            f"{kind}_{field}": getattr(each, field) if each is not None else None
            for kind, each in (("in_space", row.in_space), ("in_time", row.in_time), ("same_place", row.same_place))
            for field in ("scene_id", "km", "days")
        }
        for row in found
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)
