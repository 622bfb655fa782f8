"""The one command line that every study has, and the campaign of all of them."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from datasets.errors import IceBenchError
from datasets.project import ROOT, shipped_by_job
from datasets.terminal import err, out, user_errors
from sweeps.axes import text
from sweeps.experiment import Experiment, ExperimentError
from sweeps.launch.options import (
    LAKE,
    Cpus,
    DryRun,
    Gpus,
    Lakes,
    MaxConcurrent,
    Only,
    RerunFailed,
    Resume,
    Scheduler,
    Search,
    Seeds,
    Smoke,
    Storage,
    Task,
    TaskWord,
    TrackingUri,
)
from sweeps.launch.placement import Placement
from sweeps.launch.strategy import Strategy, searched

if TYPE_CHECKING:  # heavy: Ray, MLflow and zarr are loaded only by a run
    from sweeps.launch.plan import Plan
    from sweeps.launch.study_run import Done
    from sweeps.launch.trials import Event, OnEvent


class LostResultsError(IceBenchError, ValueError):
    """Results would be written where they vanish with the job."""


def main(experiment: Experiment) -> None:
    """Runs the study from the command line; exits with 1 if a trial failed, 2 if nothing could start."""
    application({experiment.name: experiment}, f"Study '{experiment.name}': {experiment.question}")()


def application(experiments: dict[str, Experiment], title: str) -> typer.Typer:
    """The command of one study, or of several that run one after the other."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

    @app.command(help=f"{title}\n\nFinished trials are never run again. See docs/studies.md.")
    def run(
        lake: Lakes = None,
        tracking_uri: TrackingUri = "",
        storage: Storage = "",
        task: Task = "both",
        only: Only = None,
        seeds: Seeds = None,
        max_concurrent: MaxConcurrent = None,
        gpus_per_trial: Gpus = None,
        cpus_per_trial: Cpus = 1.0,
        search: Search = "grid",
        scheduler: Scheduler = "none",
        resume: Resume = True,
        rerun_failed: RerunFailed = False,
        smoke: Smoke = False,
        dry_run: DryRun = False,
    ) -> None:
        with user_errors():
            strategy = Strategy.parse(search, scheduler)
            if strategy.search == "optuna" and only:
                raise ExperimentError("--search optuna chooses the values itself: leave --only out, or use random")
            scored = _with_scores(experiments, strategy)
            chosen = [_shaped(experiment, task, seeds, smoke, strategy) for experiment in scored]
            parts = [whole.of_task(task).only(only or []) for whole in chosen]
            if dry_run:
                _show_trials(parts)
                return
            placement = Placement.of_trial(
                cpus=cpus_per_trial,
                gpus=gpus_per_trial,
                max_concurrent=max_concurrent,
                storage=_place(storage or str(ROOT / "results/ray")),
            )
            options = {
                "tracking_uri": tracking_uri or f"sqlite:///{ROOT}/results/mlflow.db",
                "placement": placement,
                "strategy": strategy,
                "resume": resume,
                "failed_only": rerun_failed,
            }
            failed = _run_all(chosen, parts, lake or [os.environ.get(LAKE) or str(ROOT / "data/lake")], options)
        if failed:
            raise typer.Exit(1)

    return app


def _with_scores(experiments: dict[str, Experiment], strategy: Strategy) -> list[Experiment]:
    """The studies that the strategy can be used for; the others are named, or refused where there is nothing else."""
    kept = [each for each in experiments.values() if not (strategy.by_score and each.trained_by)]
    dropped = [name for name, each in experiments.items() if each not in kept]
    if not kept:
        raise ExperimentError(
            f"--search optuna and --scheduler pbt go by the val scores of trainings, and {', '.join(dropped)} trains "
            "nothing: leave them out"
        )
    for name in dropped:
        _say(f"study {name} trains nothing that could be searched, and is left out")
    return kept


def _shaped(experiment: Experiment, task: TaskWord, seeds: int | None, smoke: bool, strategy: Strategy) -> Experiment:
    """The whole study, also where a part of it is to run now: its record must not forget the rest."""
    whole = experiment.of_task(task) if strategy.search == "optuna" else experiment  # it chooses within one task
    whole = whole.smaller() if smoke else whole
    whole = whole.with_seeds(seeds) if seeds else whole
    return searched(whole, strategy)


def _run_all(
    experiments: Sequence[Experiment], parts: Sequence[Experiment], lake_urls: Sequence[str], options: dict[str, Any]
) -> bool:
    """Runs the studies one after the other; says whether any trial failed.

    Everything that can be wrong with any of them is found before the first one starts.
    """
    from datasets.lake import Lake
    from sweeps.launch.plan import Plan, plan
    from sweeps.launch.study_run import Request, run_study
    from training.tracking_server import resolve_uri

    _refuse_lost_results([*lake_urls], resolve_uri(options["tracking_uri"]))
    lakes = tuple(Lake.open(url) for url in lake_urls)
    placement: Placement = options["placement"]
    plans, coming = list[Plan](), set[str]()
    for part in parts:
        plans.append(plan(part, lakes, placement.storage, coming))
        coming |= {trial.trial_id for trial, _ in plans[-1].ready}
    failed = False
    for experiment, part, planned in zip(experiments, parts, plans, strict=True):
        own = options
        if experiment.trained_by:  # some trainings that were to come may have failed
            planned = plan(part, lakes, placement.storage)
            own = {**options, "placement": placement.of_one_process()}
        _show_left_out(planned)
        request = Request(experiment=experiment, part=part, lakes=lakes, **own)
        done = run_study(request, planned, _watching, _say)
        _conclude(done)
        failed = failed or bool(done.failed)
    return failed


def _conclude(done: "Done") -> None:
    """Report, failed trials, and where to look."""
    from sweeps.report.command import say
    from sweeps.report.write import log_report, read_report
    from training.report.study_report import how_to_open

    report = read_report(done.study)
    log_report(done.study, report)
    if report.evidence.finished:
        say(report)
    for outcome in done.failed:
        err.print(f"failed {outcome.name}: {outcome.error}", style="red", markup=False, highlight=False, soft_wrap=True)
    if done.failed:
        err.print(
            "run the same command again to try the failed trials once more, from where they stand (with --rerun-failed "
            "them alone); finished ones are kept",
            soft_wrap=True,
        )
    out.print(how_to_open(report.evidence), markup=False, highlight=False, soft_wrap=True)


def _show_trials(parts: Sequence[Experiment]) -> None:
    for part in parts:
        trials = part.trials()
        table = Table(title=f"{part.name}: {len(trials)} trials", caption=part.question)
        table.add_column("trial", justify="right")
        labels = list(part.labels())
        for axis in labels:
            table.add_column(axis, justify="right")
        for number, trial in enumerate(trials, start=1):
            table.add_row(str(number), *(text(trial.labels[axis]) if axis in trial.labels else "" for axis in labels))
        out.print(table)
    if len(parts) > 1:
        out.print(f"{len(parts)} studies, {sum(len(part.trials()) for part in parts)} trials", highlight=False)


def _show_left_out(planned: "Plan") -> None:
    if not planned.left_out:
        return
    table = Table(title=f"{len(planned.left_out)} trials cannot run and are left out")
    table.add_column("trial", overflow="fold")
    table.add_column("why")
    for each in planned.left_out:
        table.add_row(each.trial.name, each.short)
    err.print(table)
    first = {each.short: each for each in reversed(planned.left_out)}
    for each in reversed(first.values()):
        err.print(f"{each.trial.name}: {each.reason}", markup=False, highlight=False, soft_wrap=True)


def _say(line: str) -> None:
    err.print(line, highlight=False)


@contextmanager
def _watching(total: int) -> Iterator["OnEvent"]:
    """A bar for people; one line an ended trial where nobody watches (jobs, CI)."""
    columns = (TextColumn("trials"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[last]}"), console=err, disable=not err.is_terminal) as bar:
        task = bar.add_task("trials", total=total, last="")
        ended = 0

        def show(event: "Event") -> None:
            nonlocal ended
            scores = " ".join(f"{name} {value:.3f}" for name, value in event.metrics.items())
            bar.update(task, advance=int(event.ended), last=f"{event.name} epoch {event.epoch} {scores}")
            if event.ended:
                ended += 1
                word = "failed" if event.failed else "ended"
                err.print(f"[{ended}/{total}] {word} {event.name}", markup=False, highlight=False)
                sys.stderr.flush()

        yield show


def _place(storage: str) -> str:
    """Trials have their own working folder, so a path must be absolute."""
    return storage.rstrip("/") if "://" in storage else str(Path(storage).expanduser().absolute())


def _refuse_lost_results(lake_urls: Sequence[str], tracking_uri: str) -> None:
    if not shipped_by_job():
        return
    places = [("--lake or ICEBENCH_LAKE", url) for url in lake_urls]
    for name, place in [*places, ("--tracking-uri or MLFLOW_TRACKING_URI", tracking_uri)]:
        path = place.removeprefix("sqlite:///")
        if "://" not in path and Path(path).absolute().is_relative_to(os.fspath(ROOT)):
            raise LostResultsError(
                f"{place!r} lies in the temporary folder of this job, which Ray deletes: "
                f"give {name} as a URL or as an absolute path outside of it"
            )
