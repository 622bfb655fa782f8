"""Command line over all studies: `python -m sweeps list | run | status | report | compare | ... | sync | doctor`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from datasets.errors import unknown_name
from datasets.plural import plural
from datasets.process.terminal import CommandLine, err, out, user_errors
from sweeps.compare.command import compare
from sweeps.design.catalogue import study, study_names
from sweeps.design.experiment import SEED
from sweeps.doctor.command import doctor
from sweeps.launch.command import application
from sweeps.leaderboard.command import leaderboard_command
from sweeps.record.tracking_option import USUAL_TRACKING, TrackingUri
from sweeps.report.command import report_command

if TYPE_CHECKING:
    from training.tracking.sync import SyncRow

_SHOWN = 10
"""Values of an axis that the list of studies shows."""

_INTERRUPTED = 130
"""Exit code after Ctrl-C."""

app = CommandLine(help="Studies of the benchmark. Each is also a script: python sweeps/downscale.py --help")


@app.command("list")
def list_() -> None:
    """Print every study: what it asks, its axes, its number of trials."""
    for name in study_names():
        experiment = study(name)
        trials, seeds = plural(len(experiment.trials()), "trial"), plural(len(experiment.seeds), "seed")
        axes = (f"{axis}: {_short(values)}" for axis, values in experiment.labels().items() if axis != SEED)
        out.print(Text(name, style="bold") + Text(f" ({trials}, {seeds})", style="not bold"))
        out.print(Padding(Text("\n".join((experiment.question, *axes))), (0, 0, 1, 2), expand=False))


def _short(values: tuple[str, ...]) -> str:
    return ", ".join(values) if len(values) <= _SHOWN else f"{', '.join(values[:_SHOWN])}, ... ({len(values)})"


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def run(ctx: typer.Context, name: Annotated[str, typer.Argument(help="Name of the study.", metavar="STUDY")]) -> None:
    """Run one study; its own options follow its name: `python -m sweeps run downscale --dry-run`."""
    if name == "--help":
        out.print(ctx.get_help(), markup=False, highlight=False)
        return
    with user_errors():
        if name.startswith("-"):
            raise unknown_name("study", name, study_names())
        experiment = study(name)
    title = f"Study '{name}': {experiment.question}"
    application({name: experiment}, title)(ctx.args, prog_name=f"python -m sweeps run {name}")


@app.command()
def status(
    name: Annotated[str, typer.Argument(help="Name of a study (without: all).", metavar="[STUDY]")] = "",
    tracking_uri: TrackingUri = "",
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on until the study ends; Ctrl-C ends the watch, not the study.")
    ] = False,
) -> None:
    """Print how far studies are: trials by state, or every trial of one study and when it will end."""
    with user_errors():
        if watch and not name:
            raise typer.BadParameter("--watch is for one study: name it before the option")
        from sweeps.record.status import show_studies, show_trials, watch_trials
        from sweeps.record.studies import list_studies

        uri = tracking_uri or USUAL_TRACKING
        rows = list_studies(uri)
        if not name:
            show_studies(rows, uri)
            return
        named = [row for row in rows if row.study == name]
        if not named:
            raise unknown_name("study in MLflow", name, sorted({row.study for row in rows}))
        if watch:
            try:
                watch_trials(named, uri)
            except KeyboardInterrupt as error:
                raise typer.Exit(_INTERRUPTED) from error
            return
        for row in named:
            show_trials(row, uri)


app.command("report")(report_command)
app.command("compare")(compare)
app.command("leaderboard")(leaderboard_command)


@app.command()
def sync(
    outbox: Annotated[
        Path | None,
        typer.Option(help="Folder of what waits (without: results/outbox).", envvar="ICEBENCH_OUTBOX"),
    ] = None,
    tracking_uri: Annotated[
        str,
        typer.Option(
            help="Send here instead of where each trial would have: sqlite:///FILE or http(s)://HOST:PORT.",
            metavar="URI",
        ),
    ] = "",
) -> None:
    """Send to MLflow what trials of this machine could not send; exits with 1 if something is left.

    Trials that still run are left out, since they send by themselves. Those that died are ended as KILLED. User and
    password of a server come from MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.
    """
    with user_errors():
        from training.tracking.outbox import OutboxError, default_outbox
        from training.tracking.server import check_recorded, resolve_uri
        from training.tracking.sync import sync

        if tracking_uri:
            check_recorded(resolve_uri(tracking_uri))
        root = outbox or default_outbox()
        if outbox is not None and not outbox.is_dir():
            raise OutboxError(
                f"there is no folder {str(outbox)!r}: give the outbox that the trial named in its warning"
            )
        with err.status("sending"):
            rows = sync(root.absolute(), tracking_uri=tracking_uri)
    if not rows:
        out.print(f"nothing waits in {root}", highlight=False, soft_wrap=True)
        return
    out.print(_sync_table(rows))
    for row in rows:
        if row.note:
            out.print(f"{row.attempt}: {row.note}", markup=False, highlight=False, soft_wrap=True)
    if any(row.left for row in rows):
        raise typer.Exit(1)


app.command("doctor")(doctor)


def _sync_table(rows: "list[SyncRow]") -> Table:
    words = (Column(name, overflow="fold") for name in ("attempt", "trial", "study", "state"))
    table = Table(*words, *(Column(name, justify="right") for name in ("sent", "left")))
    for row in rows:
        state = "runs" if row.living else "waits" if row.left else "sent"
        table.add_row(row.attempt, row.trial_id, row.experiment, state, str(row.sent), str(row.left))
    return table


if __name__ == "__main__":
    app()
