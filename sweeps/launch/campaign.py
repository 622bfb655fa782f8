"""Studies run one after the other.

What is wrong with any of them is found before the first starts; each shows its trials while they run, and then what it
found.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from datasets.errors import IceBenchError
from datasets.lake import Lake
from datasets.process.checkout import ROOT, shipped_by_job
from datasets.process.terminal import err, out
from sweeps.design.experiment import Experiment, ExperimentError
from sweeps.launch.placement import Placement
from sweeps.launch.plan import Plan, plan
from sweeps.launch.strategy import Strategy
from sweeps.launch.study_run import Done, Request, run_study
from sweeps.launch.trials import Event, OnEvent
from sweeps.report.command import show_report
from sweeps.report.study_report import how_to_open
from sweeps.report.write import log_report, read_report
from training.tracking.server import resolve_uri, wait_reachable

_PATIENCE_S: Final = 1800.0
"""Longest wait for a tracking server that goes away between two studies of a night."""


class LostResultsError(IceBenchError, ValueError):
    """Results would be written where they vanish with the job."""


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """What a person asked for, of all studies.

    Attributes:
        studies: Each whole, and the part of it to run.
        lake_urls: The lake, and further ones of the same scenes built with other options.
        tracking_uri: Where MLflow is.
        placement: Resources.
        strategy: Search and scheduler.
        resume: Whether trials go on from their checkpoints.
        failed_only: Whether only trials run whose newest attempt failed.
    """

    studies: Sequence[tuple[Experiment, Experiment]]
    lake_urls: Sequence[str]
    tracking_uri: str
    placement: Placement
    strategy: Strategy
    resume: bool
    failed_only: bool


def run_campaign(asked: Campaign) -> bool:
    """Runs the studies; says whether anything failed.

    A study without a trial that can run is named and left out.

    Raises:
        IceBenchError: Nothing could start, or no study has a trial that can run.
    """
    uri = resolve_uri(asked.tracking_uri)
    _refuse_lost_results(asked.lake_urls, uri)
    lakes = tuple(Lake.open(url) for url in asked.lake_urls)
    ready, refused, coming = list[tuple[Experiment, Experiment, Plan]](), list[ExperimentError](), set[str]()
    for study, part in asked.studies:
        try:
            planned = plan(part, lakes, asked.placement.storage, coming, study=study)
        except ExperimentError as error:
            refused.append(error)
            continue
        ready.append((study, part, planned))
        coming |= {trial.trial_id for trial, _ in planned.ready}
    if not ready:
        raise refused[0]
    for reason in refused:
        _say(f"left out: {reason}")
    failed = False
    for number, each in enumerate(ready):
        if number:
            wait_reachable(uri, _PATIENCE_S)
        failed = _run(asked, lakes, *each) or failed
    return failed


def _run(asked: Campaign, lakes: tuple[Lake, ...], study: Experiment, part: Experiment, planned: Plan) -> bool:
    """Runs one study; says whether anything of it failed."""
    placement = asked.placement
    if study.trained_by:
        placement = placement.of_one_process()
    if study.trained_by and len(asked.studies) > 1:
        try:
            planned = plan(part, lakes, placement.storage, study=study)  # trainings that were to come may have failed
        except ExperimentError as error:
            _say(f"left out: {error}")
            return True
    _show_left_out(planned)
    request = Request(
        experiment=study,
        part=part,
        lakes=lakes,
        tracking_uri=asked.tracking_uri,
        placement=placement,
        strategy=asked.strategy,
        resume=asked.resume,
        failed_only=asked.failed_only,
    )
    done = run_study(request, planned, _watching, _say)
    _conclude(done)
    return bool(done.failed)


def _conclude(done: Done) -> None:
    """Report, failed trials, and where to look."""
    report = read_report(done.study)
    log_report(done.study, report)
    if report.evidence.finished:
        show_report(report)
    for outcome in done.failed:
        err.print(f"failed {outcome.name}: {outcome.error}", style="red", markup=False, highlight=False, soft_wrap=True)
    if done.failed:
        err.print(
            "run the same command again to try the failed trials once more, from where they stand (with --rerun-failed "
            "them alone); finished ones are kept",
            soft_wrap=True,
        )
    out.print(how_to_open(report.evidence), markup=False, highlight=False, soft_wrap=True)


def _show_left_out(planned: Plan) -> None:
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
    err.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _watching(total: int) -> Iterator[OnEvent]:
    """A bar for people; one line an ended trial where nobody watches (jobs, CI)."""
    columns = (TextColumn("trials"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[last]}"), console=err, disable=not err.is_terminal) as bar:
        task = bar.add_task("trials", total=total, last="")
        ended = 0

        def show(event: Event) -> None:
            nonlocal ended
            scores = " ".join(f"{name} {value:.3f}" for name, value in event.metrics.items())
            bar.update(task, advance=int(event.ended), last=f"{event.name} epoch {event.epoch} {scores}")
            if event.ended:
                ended += 1
                word = "failed" if event.failed else "ended"
                err.print(f"[{ended}/{total}] {word} {event.name}", markup=False, highlight=False)
                sys.stderr.flush()

        yield show


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
