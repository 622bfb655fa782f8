"""The closed set of options that every study has: names, help, environment variables."""

import os
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from datasets.access import is_url, plain
from datasets.lake_argument import LAKE
from datasets.process.checkout import ROOT

USUAL_LAKE: Final = ROOT / "data/lake"
"""Where the lake is if nobody says it."""

Lakes = Annotated[
    list[str] | None,
    typer.Option(
        "--lake",
        help=f"URL of the lake, which every node can reach (without: {LAKE}, or data/lake). Given again: the same "
        "scenes built with other options, for trials that need them.",
        metavar="URL",
    ),
]
Storage = Annotated[
    str,
    typer.Option(
        help="Folder or URL for checkpoints, which every node can reach (without: results/ray).",
        envvar="ICEBENCH_STORAGE",
        metavar="URL",
    ),
]
TaskWord = Literal["pixel", "patch", "both"]
Task = Annotated[TaskWord, typer.Option(help="Pixel-based trials, patch-based ones, or both.", envvar="ICEBENCH_TASK")]
Only = Annotated[
    list[str] | None,
    typer.Option(help="Keep some values of an axis: --only data.ratio=5. May be given again.", metavar="KEY=VALUE"),
]
Seeds = Annotated[int | None, typer.Option(min=1, help="Seeds 0..N-1 instead of the study's own.", metavar="N")]
MaxConcurrent = Annotated[
    int | None, typer.Option(min=1, help="Most trials at a time (without: as many as fit).", metavar="N")
]
Gpus = Annotated[
    float | None,
    typer.Option(
        min=0.0,
        help="GPUs for each trial: 0.5 lets two share one, 4 trains each on four (without: 1 if there are any).",
        envvar="ICEBENCH_GPUS_PER_TRIAL",
        metavar="N",
    ),
]
Cpus = Annotated[
    float,
    typer.Option(min=0.1, help="CPUs for each process of a trial.", envvar="ICEBENCH_CPUS_PER_TRIAL", metavar="N"),
]
Search = Annotated[
    str,
    typer.Option(
        help="grid trains every cell; random or optuna try 20 combinations of the axes (optuna:40 tries 40) with one "
        "seed, by val F1.",
        metavar="grid|random|optuna",
    ),
]
Scheduler = Annotated[str, typer.Option(help="asha stops trainings that are behind by val F1.", metavar="none|asha")]
Resume = Annotated[
    bool, typer.Option("--resume/--no-resume", help="Go on from checkpoints, or train unfinished trials from start.")
]
RerunFailed = Annotated[bool, typer.Option("--rerun-failed", help="Run only trials whose last attempt failed.")]
Maps = Annotated[
    Literal["all", "small", "none"] | None,
    typer.Option(
        help="What trials draw of every test scene: pictures, only the small maps that reports show, or nothing. No "
        "number changes (without: as in the study, all).",
        show_default=False,
    ),
]
Smoke = Annotated[bool, typer.Option("--smoke", help="The same with trials of a minute.", envvar="ICEBENCH_SMOKE")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the trials and what they will cost; change nothing, start nothing.")
]
Measure = Annotated[
    bool,
    typer.Option("--measure", help="With --dry-run: time a few steps here for trials whose cost is not on record."),
]


def lakes_of(lake: list[str] | None) -> tuple[str, ...]:
    """URLs of the lakes that are given; without, the one of the environment, else the usual one.

    The environment is read here, since typer would split a path at its spaces.
    """
    return tuple(lake or [os.environ.get(LAKE) or str(USUAL_LAKE)])


def storage_of(storage: str) -> str:
    """Where checkpoints go; a path is absolute, since trials have working folders of their own."""
    place = plain(storage or str(ROOT / "results/ray"))
    return place if is_url(place) else str(Path(place).expanduser().absolute())
