"""One page over all studies of a tracking server."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from urllib.parse import quote

import numpy as np
import pandas as pd

from datasets.plural import plural
from sweeps.report.cells import CellComparison
from sweeps.report.differences import spread_of
from sweeps.report.page import Section, render, written
from sweeps.report.score_tables import text_of
from sweeps.report.seen import ARITHMETIC
from sweeps.report.study_report import HOW_TO_READ, Report, how_to_open, run_url, some_of
from sweeps.report.tables import ReportTable
from sweeps.report.wording import TASK_AXES, cell_label, metric_heading, number


def campaign_table(reports: Sequence[Report]) -> ReportTable:
    """A row for each study and task: the best cell, its score, trials, cost."""
    rows, numbers = [], []
    for report in (each for each in reports if each.evidence.design.about == "scores"):
        comparison = CellComparison(report.evidence)
        evidence, objective = report.evidence, comparison.objective
        for task in evidence.tasks or ("–",):
            best = comparison.best(task)
            spread = comparison.spread(best, objective) if best is not None else spread_of([])
            cell = cell_label(evidence.axes, best, TASK_AXES) if best is not None else "–"
            trials = f"{len(evidence.finished)} of {evidence.expected}"
            score = text_of(objective)(spread.mean, spread.spread)
            hours = number(report.gpu_hours), number(report.cpu_hours)
            rows.append((evidence.study.study, task, cell, metric_heading(objective), score, trials, *hours))
            numbers.append(
                {
                    "study": evidence.study.study,
                    "lake": evidence.study.lake,
                    "task": task,
                    "best": cell,
                    "objective": objective,
                    "mean": spread.mean,
                    "spread": spread.spread,
                    "seeds": spread.n,
                    "trials_finished": len(evidence.finished),
                    "trials": evidence.expected,
                    "study_gpu_hours": report.gpu_hours,
                    "study_cpu_hours": report.cpu_hours,
                }
            )
    return ReportTable(
        name="campaign",
        title="The best of every study: mean ± spread over seeds",
        header=("study", "task", "best", "by", "score", "trials", "GPU-hours", "CPU-hours"),
        rows=tuple(rows),
        words=4,
        numbers=pd.DataFrame(numbers),
        note="Trials and hours are of the whole study.",
    )


def campaign_page(reports: Sequence[Report], tracking_uri: str) -> str:
    """The page: an overview, then of every study the answer, the main figures, scores and differences.

    Studies and cells that answer nothing are a line.
    """
    gpu, cpu = (float(np.nansum([getattr(report, name) for report in reports])) for name in ("gpu_hours", "cpu_hours"))
    finished = sum(len(report.evidence.finished) for report in reports)
    planned = sum(report.evidence.expected for report in reports)
    silent = {report.evidence.study.study: why for report in reports if (why := why_silent(report))}
    told = [report for report in reports if report.evidence.study.study not in silent]
    named = ", ".join(f"{name} ({why})" for name, why in silent.items())
    overview = Section(
        anchor="overview",
        title="Overview",
        sentences=(f"Without an answer yet, and left out here: {named}.",) if silent else (),
        tables=(campaign_table(told),) if told else (),
    )
    sections = [overview, *(_section(report, number) for number, report in enumerate(told))]
    sections.append(Section(anchor="reading", title="How to read this", points=HOW_TO_READ))
    return render(
        title="All studies",
        lead=f"{plural(len(reports), 'study', 'studies')}, {finished} of {plural(planned, 'trial')} finished.",
        facts=[
            ("cost", f"{number(gpu)} GPU-hours, {number(cpu)} CPU-hours"),
            ("tracking", tracking_uri),
            written(),
        ],
        sections=sections,
    )


def why_silent(report: Report) -> str:
    """Why a study answers nothing; empty where it answers something."""
    evidence = report.evidence
    if not evidence.finished:
        return "no trial has finished"
    if evidence.design.about != "scores":
        return ""
    readings = [row[-1] for row in report.differences.rows] if report.differences is not None else []
    if not readings:
        return "no two cells to compare"
    return "every difference is arithmetic" if all(each.endswith(ARITHMETIC) for each in readings) else ""


def _section(report: Report, number: int) -> Section:
    study = report.evidence.study.study
    scores, differences, left_out = _that_answer(report)
    address = run_url(report.evidence, report.evidence.study.run_id)
    links = (("whole report", f"{quote(study)}/report.html"), *([("parent run", address)] if address else []))
    return Section(
        anchor=f"study-{number}",
        title=study,
        sentences=(report.evidence.design.question, *report.answers, f"{report.state}."),
        points=(*report.warnings, *left_out, *([] if address else [how_to_open(report.evidence)])),
        links=links,
        pictures=report.highlights,
        tables=some_of(scores, differences),
        lake=report.evidence.lake,
    )


def _that_answer(report: Report) -> tuple[ReportTable, ReportTable | None, list[str]]:
    """Scores and differences without the rows that answer nothing, and a line on these."""
    evidence, scores, differences = report.evidence, report.scores, report.differences
    left_out = []
    if evidence.design.about == "scores":
        empty = [key for key in evidence.keys if not evidence.trials_of(key)]
        if empty:
            rows = [row for key, row in zip(evidence.keys, scores.rows, strict=True) if key not in empty]
            scores = replace(scores, rows=tuple(rows))
            left_out.append(
                f"Left out, without a finished trial: {_cells(cell_label(evidence.axes, k) for k in empty)}."
            )
    if differences is not None:
        said = [row for row in differences.rows if not row[-1].endswith(ARITHMETIC)]
        arithmetic = [row[0] for row in differences.rows if row[-1].endswith(ARITHMETIC)]
        if arithmetic:
            left_out.append(f"Differences that are arithmetic are left out: {_cells(arithmetic)}.")
        differences = replace(differences, rows=tuple(said)) if said else None
    return scores, differences, left_out


def _cells(names: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(names))
