"""The one command line that every study has, and what happens behind it.

expand -> bind to the lake -> leave out what is finished -> run the rest on Ray -> send what the trials could not
-> table and figure on the parent run
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from datasets.errors import IceBenchError
from datasets.terminal import err, out, user_errors
from sweeps.experiment import Experiment, Trial

if TYPE_CHECKING:  # heavy: Ray, MLflow and zarr are loaded only by a run
    from sweeps.launch import Event, Outcome
    from sweeps.placement import Placement
    from sweeps.report.study_report import Report
    from training.study import StudyTracker
    from training.study_design import StudyDesign

ROOT: Final = Path(__file__).resolve().parents[1]


class LostResultsError(IceBenchError, ValueError):
    """Results would be written where they vanish with the job."""


def main(experiment: Experiment) -> None:
    """Runs the study from the command line; exits with 1 if a trial failed, 2 if nothing could start."""
    application(experiment)()


def application(experiment: Experiment) -> typer.Typer:
    """The study's command."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

    @app.command(help=f"Study '{experiment.name}': {experiment.question}")
    def run(
        lake: Annotated[str, typer.Option(help="URL of the lake, good on every node.", envvar="ICEBENCH_LAKE")] = str(
            ROOT / "data/lake"
        ),
        tracking_uri: Annotated[
            str,
            typer.Option(help="MLflow: sqlite:///FILE or http(s)://HOST:PORT.", envvar="MLFLOW_TRACKING_URI"),
        ] = f"sqlite:///{ROOT}/results/mlflow.db",
        storage: Annotated[
            str, typer.Option(help="Folder or URL for Ray's records of the run.", envvar="ICEBENCH_STORAGE")
        ] = str(ROOT / "results/ray"),
        seeds: Annotated[
            int | None, typer.Option(min=1, help=f"Seeds 0..N-1 instead of {list(experiment.seeds)}.", metavar="N")
        ] = None,
        only: Annotated[
            list[str] | None,
            typer.Option(help="Keep some values of an axis: --only data.ratio=5.", metavar="AXIS=VALUE"),
        ] = None,
        cpus_per_trial: Annotated[float, typer.Option(min=0.1, help="CPUs for each process of a trial.")] = 1.0,
        gpus_per_trial: Annotated[
            float | None, typer.Option(min=0.0, help="GPUs a trial, fractions share one (without: 1 if there are any).")
        ] = None,
        max_concurrent: Annotated[
            int | None, typer.Option(min=1, help="Most trials at a time (without: as many as fit).")
        ] = None,
        smoke: Annotated[
            bool, typer.Option("--smoke", help="The same study with trials of a minute.", envvar="ICEBENCH_SMOKE")
        ] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the trials and touch nothing.")] = False,
    ) -> None:
        with user_errors():
            whole = experiment.smaller() if smoke else experiment
            whole = whole.with_seeds(seeds) if seeds else whole
            part = whole.only(only or [])
            if dry_run:
                out.print(_trials_table(part))
                return
            from sweeps.placement import Placement

            placement = Placement.of_trial(
                cpus=cpus_per_trial, gpus=gpus_per_trial, max_concurrent=max_concurrent, storage=_place(storage)
            )
            failed = run_study(whole, part.trials(), lake, tracking_uri, placement)
        if failed:
            raise typer.Exit(1)

    return app


def run_study(
    experiment: Experiment, wanted: Sequence[Trial], lake_url: str, tracking_uri: str, placement: "Placement"
) -> list["Outcome"]:
    """Runs what is missing of a study and puts table and figure on its parent run.

    Args:
        experiment: The whole study: what the table is about.
        wanted: The trials to run now, not yet bound to a lake.
        lake_url: Where the lake is.
        tracking_uri: Where MLflow is.
        placement: Resources.

    Returns:
        The trials that failed.

    Raises:
        IceBenchError: Nothing could start: no lake, no tracking server, a cell without scenes, no room on the cluster.
    """
    from datasets.lake import Lake
    from sweeps.launch import run_trials
    from sweeps.leftovers import send_leftovers, with_untold
    from training.scenes import select_scenes
    from training.study import StudyTracker
    from training.tracking_server import resolve_uri

    _refuse_lost_results(lake_url, resolve_uri(tracking_uri))
    lake = Lake.open(lake_url)
    trials = [trial.bound_to(lake.digest) for trial in wanted]
    for trial in trials:
        select_scenes(trial.spec, lake)  # a cell with too few scenes is an error before any trial starts
    study = StudyTracker.open(
        tracking_uri,
        study=experiment.name,
        lake=lake.digest,
        recipe=lake.recipe_digest,
        question=experiment.question,
        design=_design(experiment),
    )
    send_leftovers(study)  # of earlier trials, which need not run again then
    done = study.finished()
    todo = [trial for trial in trials if trial.spec.trial_id not in done]
    err.print(
        f"study {experiment.name}: {len(trials)} trials, {len(trials) - len(todo)} finished before, {len(todo)} to run",
        highlight=False,
    )
    try:
        outcomes: list[Outcome] = []
        if todo:
            with _watching(len(todo)) as on_event:
                outcomes = run_trials(todo, lake, study, placement, on_event)
            send_leftovers(study, {trial.spec.trial_id for trial in todo})
            outcomes = with_untold(outcomes, study)
        failed = [outcome for outcome in outcomes if outcome.error is not None]
        report = _hand_in(study)
    except BaseException:
        study.finish("FAILED")
        raise
    study.finish("FAILED" if failed else "FINISHED")
    _conclude(report, failed)
    return failed


def _hand_in(study: "StudyTracker") -> "Report":
    """The report over all finished trials, of this run and of earlier ones, on the parent run."""
    from sweeps.report.study_report import make_report
    from sweeps.report.write import log_report, read_evidence

    report = make_report(read_evidence(study))
    log_report(study, report)
    return report


def _conclude(report: "Report", failed: Sequence["Outcome"]) -> None:
    from sweeps.report.command import say
    from sweeps.report.study_report import how_to_open

    if report.evidence.finished:
        say(report)
    for outcome in failed:
        err.print(
            f"failed {outcome.trial.name}: {outcome.error}", style="red", markup=False, highlight=False, soft_wrap=True
        )
    if failed:
        err.print(
            "run the same command again to try the failed trials once more; finished ones are kept", soft_wrap=True
        )
    out.print(how_to_open(report.evidence), markup=False, highlight=False, soft_wrap=True)


def _design(experiment: Experiment) -> "StudyDesign":
    from training.study_design import StudyDesign

    return StudyDesign(
        question=experiment.question,
        objective=experiment.objective,
        axes={axis: tuple(str(value) for value in values) for axis, values in experiment.axes.items()},
        seeds=tuple(experiment.seeds),
        trials=len(experiment.trials()),
    )


def _trials_table(experiment: Experiment) -> Table:
    trials = experiment.trials()
    table = Table(title=f"{experiment.name}: {len(trials)} trials", caption=experiment.question)
    table.add_column("trial", justify="right")
    for axis in trials[0].labels:
        table.add_column(axis, justify="right")
    for number, trial in enumerate(trials, start=1):
        table.add_row(str(number), *(str(value) for value in trial.labels.values()))
    return table


@contextmanager
def _watching(total: int) -> Iterator[Callable[["Event"], None]]:
    """A bar for people; one line an ended trial where nobody watches (jobs, CI)."""
    columns = (TextColumn("trials"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[last]}"), console=err, disable=not err.is_terminal) as bar:
        task = bar.add_task("trials", total=total, last="")
        ended = 0

        def show(event: "Event") -> None:
            nonlocal ended
            scores = " ".join(f"{name} {value:.3f}" for name, value in event.metrics.items())
            bar.update(task, advance=int(event.ended), last=f"{event.trial.name} epoch {event.epoch} {scores}")
            if event.ended:
                ended += 1
                word = "failed" if event.failed else "finished"
                err.print(f"[{ended}/{total}] {word} {event.trial.name}", markup=False, highlight=False)
                sys.stderr.flush()

        yield show


def _place(storage: str) -> str:
    """Trials have their own working folder, so a path must be absolute."""
    return storage if "://" in storage else str(Path(storage).expanduser().absolute())


def _refuse_lost_results(lake_url: str, tracking_uri: str) -> None:
    from sweeps.launch import shipped_by_job

    if not shipped_by_job():
        return
    for name, place in (("--lake or ICEBENCH_LAKE", lake_url), ("--tracking-uri or MLFLOW_TRACKING_URI", tracking_uri)):
        path = place.removeprefix("sqlite:///")
        if "://" not in path and Path(path).absolute().is_relative_to(os.fspath(ROOT)):
            raise LostResultsError(
                f"{place!r} lies in the temporary folder of this job, which Ray deletes: "
                f"give {name} as a URL or as an absolute path outside of it"
            )
