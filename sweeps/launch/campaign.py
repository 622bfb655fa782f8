"""Studies run one after the other.

Errors in any of them are found before the first one starts. Each study shows its trials while they run, and then its
result.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from datasets.access import is_url, plain
from datasets.errors import IceBenchError
from datasets.lake import Lake
from datasets.plural import noun, plural
from datasets.process.checkout import ROOT, shipped_by_job
from datasets.process.folders import folder_for
from datasets.process.terminal import err, out, tell
from sweeps.design.experiment import Experiment, ExperimentError
from sweeps.launch.job_log import JobLog, Watched
from sweeps.launch.plan import Plan, plan
from sweeps.launch.study_run import Request, StudyOutcome, run_study
from sweeps.launch.trials import Event, OnEvent
from training.tracking.server import check_reachable, resolve_uri, wait_reachable

_PATIENCE_S: Final = 1800.0
"""Longest wait for a tracking server that goes away between two studies."""


class LostResultsError(IceBenchError, ValueError):
    """Results would be written to a folder that is deleted with the job."""


def run_campaign(studies: Sequence[tuple[Experiment, Experiment]], request: Request) -> bool:
    """Runs studies, each given whole and as the part of it to run; says whether anything failed.

    A study without a trial that can run is named and left out.

    Raises:
        IceBenchError: Nothing could start, or no study has a trial that can run.
    """
    uri = resolve_uri(request.tracking_uri)
    _refuse_lost_results(request.lake_urls, uri)
    lakes = [Lake.open(url) for url in request.lake_urls]
    storage = request.placement.storage
    plans, refused, coming = list[Plan](), list[ExperimentError](), set[str]()
    for study, part in studies:
        try:
            plans.append(plan(part, lakes, storage, coming, study=study))
        except ExperimentError as error:
            refused.append(error)
        else:
            coming |= {trial.trial_id for trial, _ in plans[-1].ready}
    if not plans:
        raise refused[0]
    for reason in refused:
        _say(f"left out: {reason}")
    if "://" not in storage:
        folder_for(Path(storage))
    check_reachable(uri)
    failed = False
    for number, planned in enumerate(plans):
        if number:
            wait_reachable(uri, _PATIENCE_S)
        if planned.study.trained_by and len(studies) > 1:
            try:
                planned = plan(planned.part, lakes, storage, study=planned.study)  # its trainings may have failed
            except ExperimentError as error:
                _say(f"left out: {error}")
                failed = True
                continue
        _show_impossible(planned)
        done = run_study(planned, request, _watching, _say)
        _conclude(done)
        failed = bool(done.failed) or failed
    return failed


def _conclude(done: StudyOutcome) -> None:
    """Report, failed trials, and where to look."""
    from sweeps.report.command import show_report
    from sweeps.report.study_report import how_to_open
    from sweeps.report.write import log_report, read_report

    report = read_report(done.study)
    log_report(done.study, report)
    if report.evidence.finished:
        show_report(report)
    for outcome in done.failed:
        err.print(f"failed {outcome.name}: {outcome.error}", style="red", markup=False, highlight=False, soft_wrap=True)
    if done.failed:
        err.print(
            "run the same command again to try the failed trials once more, from their checkpoints (with "
            "--rerun-failed only these); finished ones are kept",
            soft_wrap=True,
        )
    out.print(how_to_open(report.evidence), markup=False, highlight=False, soft_wrap=True)


def _show_impossible(planned: Plan) -> None:
    if not planned.impossible:
        return
    count = len(planned.impossible)
    table = Table(title=f"{plural(count, 'trial')} cannot run and {noun(count, 'is', 'are')} left out")
    table.add_column("trial", overflow="fold")
    table.add_column("why")
    for each in planned.impossible:
        table.add_row(each.trial.name, each.short)
    err.print(table)
    first = {each.short: each for each in reversed(planned.impossible)}
    for each in reversed(first.values()):
        err.print(f"{each.trial.name}: {each.reason}", markup=False, highlight=False, soft_wrap=True)


def _say(line: str) -> None:
    err.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _watching(watched: Watched) -> Iterator[OnEvent]:
    """One line for each trial that is over, and in a terminal a bar below them."""
    columns = (TextColumn("trials"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[last]}"), console=err, disable=not err.is_terminal) as bar:
        task, log = bar.add_task("trials", total=len(watched.names), last=""), JobLog(watched)

        def show(event: Event) -> None:
            scores = " ".join(f"{name} {value:.3f}" for name, value in event.metrics.items())
            bar.update(task, advance=int(event.ended), last=f"{event.name} epoch {event.epoch} {scores}")
            if line := log.line(event):
                tell(line, err)
                sys.stderr.flush()

        yield show


def _refuse_lost_results(lake_urls: Sequence[str], tracking_uri: str) -> None:
    if not shipped_by_job():
        return
    places = [("--lake or ICEBENCH_LAKE", url) for url in lake_urls]
    for name, place in [*places, ("--tracking-uri or MLFLOW_TRACKING_URI", tracking_uri)]:
        path = place.removeprefix("sqlite:///")
        if not is_url(path) and Path(plain(path)).absolute().is_relative_to(os.fspath(ROOT)):
            raise LostResultsError(
                f"{place!r} lies in the temporary folder of this job, which Ray deletes: "
                f"give {name} as a URL or as an absolute path outside of it"
            )
