"""`make bench`: every benchmark with a floor measured in the same run; never a timed test."""

from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from datasets.errors import unknown_name
from datasets.process.terminal import err, user_errors
from tests.benchmarks import (
    attribution,
    costs,
    data_wait,
    evaluation,
    full_scene,
    interval_level,
    large_lake,
    loader,
    many_scenes,
    mapping,
    opening,
    patch_index,
    reading,
    season_effect,
    streaming,
    study_overhead,
    study_scale,
    two_workers,
    val_precision,
)

MODULES: Final = (
    *(full_scene, two_workers, streaming, opening, reading),
    *(patch_index, loader, large_lake, data_wait, evaluation, val_precision, mapping, attribution),
    *(study_overhead, study_scale, interval_level, season_effect),
    *(many_scenes, costs),
)
BENCHMARKS: Final = {module.__name__.rpartition(".")[2]: module for module in MODULES}
LISTING: Final = "\n\n".join(f"{name}: {(module.__doc__ or '').splitlines()[0]}" for name, module in BENCHMARKS.items())


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Which (without: all, an hour).", metavar="NAME")] = None,
) -> None:
    """Measure against floors of the same run; exit code 1 if a goal is missed."""
    with user_errors():
        for name in names or ():
            if name not in BENCHMARKS:
                raise unknown_name("benchmark", name, BENCHMARKS)
    missed = False
    for name in names or BENCHMARKS:
        with err.status(f"measuring {name}"):
            rows = BENCHMARKS[name].measure()
        table = Table(title=f"{name}: measured against floors of the same run")
        for column in ("benchmark", "measured", "floor", "ratio", "reach", "note"):
            table.add_column(column)
        for row in rows:
            reach = row.reach if row.reach == "-" else f"{row.reach} {'ok' if row.reached else 'MISSED'}"
            table.add_row(row.what, row.measured, row.floor, row.ratio, reach, row.note)
            missed = missed or not (row.reach == "-" or row.reached)
        Console(width=140).print(table)  # at once: what is measured stays if a later benchmark fails
    if missed:
        raise typer.Exit(1)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command(epilog=LISTING)(main)

if __name__ == "__main__":
    app(prog_name="python -m tests.benchmarks")
