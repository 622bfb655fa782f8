"""Command line over all studies: `python -m sweeps list | run`."""

import importlib
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from datasets.errors import unknown_name
from datasets.terminal import out, user_errors
from sweeps.command import application
from sweeps.experiment import Experiment

MACHINERY: Final = frozenset({"__init__", "__main__", "command", "experiment", "launch", "report", "smoke"})

app = typer.Typer(
    help="Studies of the benchmark. Each is also a script: python sweeps/downscale.py --help",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def studies() -> dict[str, Experiment]:
    """Every study file beside this one, by name."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in MACHINERY)
    return {name: importlib.import_module(f"sweeps.{name}").EXPERIMENT for name in names}


@app.command("list")
def list_() -> None:
    """Print every study: what it asks, its axes, its number of trials."""
    table = Table()
    for column in ("study", "question", "axes", "seeds", "trials"):
        table.add_column(column)
    for name, experiment in studies().items():
        axes = "\n".join(f"{axis}: {', '.join(map(str, values))}" for axis, values in experiment.axes.items())
        table.add_row(name, experiment.question, axes, str(len(experiment.seeds)), str(len(experiment.trials())))
    out.print(table)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def run(ctx: typer.Context, study: Annotated[str, typer.Argument(help="Name of the study.")]) -> None:
    """Run one study; its own options follow its name: `python -m sweeps run downscale --dry-run`."""
    with user_errors():
        known = studies()
        if study not in known:
            raise unknown_name("study", study, known)
    application(known[study])(ctx.args, prog_name=f"python -m sweeps run {study}")


if __name__ == "__main__":
    app()
