"""`make bench`: every benchmark with a floor measured in the same run; never a timed test."""

import sys

from rich.console import Console
from rich.table import Table

from tests.benchmarks import (
    attribution,
    data_wait,
    evaluation,
    full_scene,
    loader,
    opening,
    patch_index,
    reading,
    study_overhead,
    study_scale,
    two_workers,
)

LAKE = (full_scene, two_workers, opening, reading)
TRIALS = (patch_index, loader, data_wait, evaluation, attribution)
STUDIES = (study_overhead, study_scale)
MODULES = (*LAKE, *TRIALS, *STUDIES)
BENCHMARKS = {module.__name__.rpartition(".")[2]: module.measure for module in MODULES}


def main(names: list[str]) -> int:
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        print(f"unknown benchmark {', '.join(sorted(unknown))}: known are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    table = Table(title="measured against floors of the same run")
    for column in ("benchmark", "measured", "floor", "ratio", "reach", "note"):
        table.add_column(column)
    for name in names or BENCHMARKS:
        for row in BENCHMARKS[name]():
            table.add_row(
                row.what,
                row.measured,
                row.floor,
                row.ratio,
                row.reach if row.reach == "-" else f"{row.reach} {'ok' if row.reached else 'MISSED'}",
                row.note,
            )
    Console(width=140).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
