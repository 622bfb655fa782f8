"""One page over all studies of a tracking server."""

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import numpy as np
import pandas as pd

from sweeps.report.cells import Comparison
from sweeps.report.page import Section, render
from sweeps.report.score_tables import text_of
from sweeps.report.study_report import HOW_TO_READ, Report, how_to_open, run_url
from sweeps.report.tables import ReportTable
from sweeps.report.wording import TASK_AXES, cell_label, is_share, metric_label, number


def campaign_table(reports: Sequence[Report]) -> ReportTable:
    """A row a study and task: the best cell, its score, trials, cost."""
    rows, numbers = [], []
    for report in (each for each in reports if each.evidence.design.about == "scores"):
        comparison = Comparison(report.evidence)
        evidence, objective = report.evidence, comparison.objective
        for task in evidence.tasks or ("–",):
            best = comparison.best(task)
            spread = comparison.spread(best, objective) if best is not None else None
            cell = cell_label(evidence.axes, best, TASK_AXES) if best is not None else "–"
            unit = " [%]" if is_share(objective) else ""
            trials = f"{len(evidence.finished)} of {evidence.expected}"
            hours = (report.gpu_hours, report.cpu_hours)
            rows.append(
                (
                    evidence.study.study,
                    task,
                    cell,
                    f"{metric_label(objective)}{unit}",
                    text_of(objective)(spread.mean, spread.spread) if spread is not None else "–",
                    trials,
                    *(number(value) for value in hours),
                )
            )
            numbers.append(
                {
                    "study": evidence.study.study,
                    "lake": evidence.study.lake,
                    "task": task,
                    "best": cell,
                    "objective": objective,
                    "mean": spread.mean if spread is not None else np.nan,
                    "spread": spread.spread if spread is not None else np.nan,
                    "seeds": spread.n if spread is not None else 0,
                    "trials_finished": len(evidence.finished),
                    "trials": evidence.expected,
                    "study_gpu_hours": hours[0],
                    "study_cpu_hours": hours[1],
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
    """The page: an overview, then of every study the answer, the main figures, scores and differences."""
    gpu, cpu = (float(np.nansum([getattr(report, name) for report in reports])) for name in ("gpu_hours", "cpu_hours"))
    finished = sum(len(report.evidence.finished) for report in reports)
    planned = sum(report.evidence.expected for report in reports)
    sections = [Section(anchor="overview", title="Overview", tables=(campaign_table(reports),))]
    sections += [_section(report, number) for number, report in enumerate(reports)]
    sections.append(Section(anchor="reading", title="How to read this", points=HOW_TO_READ))
    return render(
        title="All studies",
        lead=f"{len(reports)} studies, {finished} of {planned} trials finished.",
        facts=[
            ("cost", f"{gpu:.1f} GPU-hours, {cpu:.1f} CPU-hours"),
            ("tracking", tracking_uri),
            ("written", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
        ],
        sections=sections,
        run_url=lambda run_id: "",
    )


def _section(report: Report, number: int) -> Section:
    study = report.evidence.study.study
    differences = (report.differences,) if report.differences is not None and report.differences.rows else ()
    address = run_url(report.evidence, report.evidence.study.run_id)
    links = (("whole report", f"{quote(study)}/report.html"), *([("parent run", address)] if address else []))
    return Section(
        anchor=f"study-{number}",
        title=study,
        sentences=(report.evidence.design.question, *report.answers, f"{report.state}."),
        points=(*report.warnings, *([] if address else [how_to_open(report.evidence)])),
        links=links,
        pictures=report.highlights,
        tables=(report.scores, *differences),
    )
