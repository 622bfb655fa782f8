"""Command line of one trial: `python -m training run --lake URL`.

Heavy imports (torch, matplotlib, mlflow) are inside the commands, so that `--help` answers at once.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.table import Table

from datasets.class_colours import PALETTES, Palette, check_palette
from datasets.errors import unknown_name
from datasets.lake_argument import LAKE
from datasets.loading.workers import loader_workers
from datasets.process.machine import usable_cores
from datasets.process.terminal import CommandLine, SeveralValues, err, out, tell, user_errors
from training.attribute_command import attribute
from training.models_command import models
from training.predict_command import predict
from training.spec import TrialSpec
from training.spec.protocols import BASELINES
from training.spec.trial_spec import parse_changes

if TYPE_CHECKING:
    from datasets.lake import Lake
    from training.evaluation.result import TrialResult
    from training.loop.epoch import TrialOverview
    from training.tracking.mlflow_tracker import MlflowTracker

_PATIENCE_S: Final = 20.0
"""Longest wait for a run's address, before training begins without it."""

app = CommandLine(
    help="Train one network on a lake and score it on whole test scenes. Studies of many trials: python -m sweeps.",
)


@app.command()
def run(
    lake: Annotated[
        str | None,
        typer.Option(
            help="The lake: a folder, s3://..., gs://... (made by python -m ingest); needed but for --show.",
            envvar=LAKE,
        ),
    ] = None,
    spec: Annotated[
        str | None,
        typer.Option(
            help="A published trial by name (see `python -m training specs`), or a YAML file; what it leaves out has "
            "the defaults of IceBench's U-Net.",
            metavar="NAME|FILE",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Change one field of the spec, as often as needed: --set data.ratio=5 --set loop.max_epochs=20. "
            "Groups: data, model, optimizer, loss, augment, loop, evaluation, seed.",
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
        typer.Option(
            help="For checkpoints, pictures and result.json; without it runs/TRIAL_ID. A trial that was stopped goes "
            "on from here; one that has finished here is not trained again."
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Train from the beginning and replace what a trial left in the folder.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes that load patches; 0 loads in this one. Without: one less than there are CPUs, at most 8. "
            "They change the speed, not the numbers.",
            min=0,
        ),
    ] = None,
    colours: Annotated[
        str,
        typer.Option(
            help="Colours of classes in maps: safe for every kind of colour vision, or wmo, those of ice charts.",
            metavar="|".join(PALETTES),
        ),
    ] = "safe",
    show: Annotated[bool, typer.Option("--show", help="Print the resulting spec as YAML and stop.")] = False,
) -> None:
    """Train one network, keep its best epoch, score it on the test scenes.

    Example: python -m training run --spec icebench_unet --lake data/lake --set loop.max_epochs=5

    Decoded scenes are kept on this machine for all trials: ICEBENCH_CACHE says where (`none`: nowhere) and
    ICEBENCH_CACHE_GB how much.
    """
    with user_errors():
        chosen, palette = read_spec(spec, set_ or []), check_palette(colours)
        if show:
            typer.echo(chosen.to_yaml(), nl=False)
            return
        if not lake:
            raise typer.BadParameter("a trial reads a lake: give its folder or URL", param_hint="--lake")
        from datasets.lake import Lake
        from training.artifacts.trial_folder import finished_result
        from training.data.trial_scenes import bind

        source = Lake.open(lake)
        chosen = bind(chosen, source)
        target = folder or Path("runs") / chosen.trial_id
        result = None if overwrite else finished_result(target, chosen)
        if result is not None:
            tell(f"trial {chosen.trial_id} has finished already; --overwrite trains it again", err)
        else:
            count = workers if workers is not None else loader_workers(usable_cores())
            result = _train(
                chosen, source, tracking_uri, experiment, target, overwrite=overwrite, workers=count, palette=palette
            )
        out.print(score_table(result))
        tell(f"checkpoint, pictures and result.json: {target}")


def _train(
    spec: TrialSpec,
    lake: "Lake",
    tracking_uri: str | None,
    experiment: str,
    folder: Path,
    *,
    overwrite: bool,
    workers: int,
    palette: Palette,
) -> "TrialResult":
    from datasets.loading.node_cache import NodeCache
    from training.progress_bar import progress_bar
    from training.tracking.artifact_stores import check_artifacts
    from training.tracking.mlflow_tracker import MlflowTracker
    from training.tracking.server import resolve_uri
    from training.tracking.tracker import MemoryTracker
    from training.trial import run_trial

    if tracking_uri:  # a person is here who can mend it; once the trial runs, a server may come and go
        check_artifacts(resolve_uri(tracking_uri), experiment)
    tracker = MlflowTracker(tracking_uri, experiment) if tracking_uri else MemoryTracker()
    with progress_bar(spec.loop.max_epochs) as told:

        def begin(overview: "TrialOverview") -> None:
            told.begin(overview)
            if isinstance(tracker, MlflowTracker):
                tell(f"run: {_how_to_open(tracker)}", err)

        return run_trial(
            spec,
            lake,
            tracker,
            folder=folder,
            overwrite=overwrite,
            workers=workers,
            cache=NodeCache.default(),
            palette=palette,
            begin=begin,
            progress=told,
            scored=told.scored,
            held=told.held,
        )


def _how_to_open(tracker: "MlflowTracker") -> str:
    """Where the run of a trial is to be seen; it has no address before the server has heard of it."""
    from training.tracking.mlflow_client import asking
    from training.tracking.server import TrackingError, how_to_open, public

    end = time.monotonic() + _PATIENCE_S
    while not tracker.run_id and time.monotonic() < end:
        time.sleep(0.1)
    try:
        if tracker.run_id:
            with asking(tracker.tracking_uri) as client:
                found = client.get_run(tracker.run_id).info.experiment_id
            return how_to_open(public(tracker.tracking_uri), found, tracker.run_id)
    except TrackingError:  # it went away in this moment
        pass
    return f"in the experiment {tracker.experiment!r} of {public(tracker.tracking_uri)}, as soon as the server answers"


@app.command()
def specs() -> None:
    """List the published trials that `run --spec NAME` knows."""
    table = Table()
    for column in ("name", "task", "network", "ratio", "patch", "targets"):
        table.add_column(column, no_wrap=column == "name")
    for name, spec in BASELINES.items():
        data = spec.data
        sizes = str(data.ratio), str(data.patch_size)
        table.add_row(name, data.task, spec.model.name, *sizes, " ".join(data.targets))
    out.print(table)


app.command()(models)
app.command(cls=SeveralValues)(predict)
app.command()(attribute)


def read_spec(given: str | None, changes: Sequence[str]) -> TrialSpec:
    """The spec of a name or file (or the defaults) with `NAME=VALUE` changes; values are read as YAML.

    Raises:
        SpecError: A change is not of that form, or leads to a spec that is not allowed.
        UnknownNameError: There is neither a baseline nor a file of that name.
    """
    if given is None or given in BASELINES:
        spec = TrialSpec() if given is None else BASELINES[given]
    elif Path(given).exists() or given.endswith((".yaml", ".yml", ".json")):
        spec = TrialSpec.from_file(Path(given))
    else:
        raise unknown_name("published trial or spec file", given, BASELINES)
    return spec.with_all(parse_changes(changes))


def score_table(result: "TrialResult") -> Table:
    """The closing table: one row per bin that has a weighted F1, one column per grid."""
    from training.evaluation.metric_names import grids_in, split_grid

    grids, split = grids_in(result.metrics), filter(None, map(split_grid, result.metrics))
    rows = dict.fromkeys(score for _, score in split if score.endswith("f1"))
    rows = {"autoice": None, "accuracy": None, "f1": None, "f1_macro": None, "iou": None, **rows}
    table = Table(
        title=f"trial {result.trial_id}: epoch {result.best_epoch} of {result.epochs} kept, {result.seconds:.0f} s"
    )
    table.add_column("score")
    for grid in grids:
        table.add_column(grid, justify="right")
    for row in rows:
        values = [result.metrics.get(f"{grid}/{row}") for grid in grids]
        if any(value is not None for value in values):
            table.add_row(row, *("-" if value is None else f"{value:.4f}" for value in values))
    return table


if __name__ == "__main__":
    app()
