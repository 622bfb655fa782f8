"""Command line of one trial: `python -m training run --lake URL`.

Heavy imports (torch, matplotlib, mlflow) are inside the command, so that `--help` answers at once.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from datasets.terminal import err, out, user_errors
from training.spec import SpecError, TrialSpec

if TYPE_CHECKING:
    from training.result import TrialResult
    from training.tracker import Tracker

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="Train one network on a lake and score it on whole test scenes. Studies of many trials: python -m sweeps.",
)


@app.callback()
def _commands() -> None:
    """Keeps `run` a subcommand while it is the only one."""


@app.command()
def run(
    lake: Annotated[
        str,
        typer.Option(help="The lake: a folder, s3://..., gs://... (made by python -m ingest).", envvar="ICEBENCH_LAKE"),
    ],
    spec: Annotated[
        Path | None,
        typer.Option(help="YAML file with the trial; what it leaves out has the published defaults.", metavar="FILE"),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Change one field of the spec, as often as needed: --set data.ratio=5 --set loop.max_epochs=20. "
            "Groups: data, model, optimizer, loop, evaluation, seed.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    tracking_uri: Annotated[
        str | None,
        typer.Option(
            help="Also log to MLflow here: sqlite:///PATH/mlflow.db or http://HOST:5000.",
            envvar="MLFLOW_TRACKING_URI",
        ),
    ] = None,
    experiment: Annotated[str, typer.Option(help="MLflow experiment to log to.")] = "single_trials",
    folder: Annotated[
        Path | None,
        typer.Option(help="For checkpoint, pictures and result.json; without it runs/TRIAL_ID."),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that load patches; 0 loads in this one.", min=0)] = 0,
    show: Annotated[bool, typer.Option("--show", help="Print the resulting spec as YAML and stop.")] = False,
) -> None:
    """Train one network, keep its best epoch, score it on the test scenes.

    Example: python -m training run --lake data/lake --set data.ratio=10 --set loop.max_epochs=5
    """
    with user_errors():
        chosen = read_spec(spec, set_ or [])
        if show:
            typer.echo(chosen.to_yaml(), nl=False)
            return
        _run(chosen, lake, tracking_uri, experiment, folder, workers)


def read_spec(path: Path | None, changes: list[str]) -> TrialSpec:
    """The spec of a file (or the defaults) with `NAME=VALUE` changes; values are read as YAML. Raises SpecError."""
    spec = TrialSpec.from_file(path) if path is not None else TrialSpec()
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise SpecError(f"--set {change!r} is not NAME=VALUE: write for example --set data.ratio=5")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise SpecError(
                f"--set {change!r} has a value that is no YAML: quote it, or write a list as [1, 2]"
            ) from error
        spec = spec.with_(name.strip(), value)
    return spec


def _run(
    spec: TrialSpec, lake_url: str, tracking_uri: str | None, experiment: str, folder: Path | None, workers: int
) -> None:
    from datasets.lake import Lake
    from training import loop
    from training.scenes import bind
    from training.tracker import MemoryTracker
    from training.tracking import MlflowTracker
    from training.trial import run_trial

    lake = Lake.open(lake_url)
    spec = bind(spec, lake)
    tracker: Tracker = MlflowTracker(tracking_uri, experiment) if tracking_uri else MemoryTracker()
    target = folder or Path("runs") / spec.trial_id
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        total = spec.loop.max_epochs * (spec.loop.batches_per_epoch or 1)
        task = bar.add_task("starting", total=total)

        def show(state: loop.Progress) -> None:
            done = state.epoch * (spec.loop.batches_per_epoch or 1) + state.batch
            bar.update(task, completed=done, description=f"epoch {state.epoch} loss {state.loss:.3f}")
            if state.row is not None:
                row = state.row
                bar.console.print(
                    f"epoch {row.epoch:3d}  train loss {row.train_loss:.4f}  val loss {row.val_loss:.4f}  "
                    f"val F1 {row.val_f1:.3f}  {row.patches_per_second:.1f} patches/s",
                    highlight=False,
                )

        result = run_trial(spec, lake, tracker, folder=target, workers=workers, progress=show)
    out.print(score_table(result))
    out.print(f"checkpoint, pictures and result.json: {target}", highlight=False, soft_wrap=True)


def score_table(result: "TrialResult") -> Table:
    """The closing table: one row per bin that has a weighted F1, one column per grid."""
    grids = sorted({name.split("/")[0] for name in result.metrics if name.startswith("test")})
    rows = dict.fromkeys(
        name.split("/", 1)[1] for name in result.metrics if name.startswith("test") and name.endswith("f1")
    )
    rows = {"accuracy": None, "f1": None, "f1_macro": None, "iou": None, **rows}
    table = Table(
        title=f"trial {result.trial_id}: epoch {result.best_epoch} of {result.epochs} kept, {result.seconds:.0f} s"
    )
    table.add_column("score")
    for grid in grids:
        table.add_column(grid, justify="right")
    for row in rows:
        values = [result.metrics.get(f"{grid}/{row}") for grid in grids]
        table.add_row(row, *("-" if value is None else f"{value:.4f}" for value in values))
    return table


if __name__ == "__main__":
    app()
