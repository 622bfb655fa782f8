"""What the run of a study shows in MLflow: its description in Markdown, and the means of its cells as metrics.

Written when a report is put there, and by `sweeps.launch.description` while the study runs: from rows alone, so without
intervals over test scenes, which need an artifact of every trial.
"""

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from sweeps.design.experiment import SEED
from sweeps.design.run_names import cell_name
from sweeps.record.studies import study_row
from sweeps.record.study import StudyTracker
from sweeps.report.account import state
from sweeps.report.answer import score_of
from sweeps.report.cells import CellComparison
from sweeps.report.evidence import Evidence, collect
from sweeps.report.score_tables import scores_table
from sweeps.report.study_report import Report
from sweeps.report.tables import ReportTable
from sweeps.report.wording import cell_label
from training.tracking.mlflow_client import TAG_LIMIT
from training.tracking.server import public, run_link, table_link


def write_parent(study: StudyTracker, report: Report) -> None:
    """Describes a study by its report, whose files lie on the run: answer, table, links."""
    evidence = report.evidence
    sentences = (*report.answers, *report.warnings)
    _put(study, evidence, description(evidence, sentences, report.scores, report=True))


def write_so_far(study: StudyTracker) -> None:
    """Describes a study by the trials that have finished."""
    evidence = collect(study_row(study), public(study.tracking_uri), study.children_rows(), {})
    comparison = CellComparison(evidence)
    best = [key for task in evidence.tasks if (key := comparison.best(task)) is not None]
    said = [f"Best so far: {cell_label(evidence.axes, key)}, {score_of(comparison, key)}." for key in best]
    _put(study, evidence, description(evidence, said, scores_table(comparison) if best else None))


def description(
    evidence: Evidence,
    sentences: Sequence[str],
    table: ReportTable | None,
    *,
    report: bool = False,
) -> str:
    """The Markdown, no longer than MLflow keeps; rows that find no room are in the report, where there is one yet.

    Links have no host, so that they work under whatever address a person reads this.
    """
    study = evidence.study
    here = run_link(study.experiment_id, study.run_id)
    artifacts = (("report", "report/report.html"), ("figures", "report/figures"), ("tables", "table.md"))
    links = {words: f"{here}/artifacts/{quote(path)}" for words, path in artifacts if report}
    links = {"trials": table_link(study.experiment_id), **links}
    first = "\n\n".join(  # MLflow shows some five lines before a person asks for more
        [
            f"**{evidence.design.question or study.question}** "
            + " · ".join(f"[{words}]({link})" for words, link in links.items()),
            "\n".join(f"- {sentence}" for sentence in sentences),
        ]
    )
    about = f"{state(evidence)}. Lake `{study.lake}`, recipe `{study.recipe or 'not on record'}`."
    rows = "" if table is None else _whole_lines(_narrow(table).to_markdown(), TAG_LIMIT - len(first) - len(about) - 4)
    return "\n\n".join(filter(None, [first, rows, about]))[:TAG_LIMIT]


def means(evidence: Evidence) -> dict[str, float]:
    """Mean over seeds of the objective of every cell that has one: `test_80m/f1/r10 pixel`."""
    comparison = CellComparison(evidence)
    found = {}
    for key in comparison.keys:
        cell = cell_name({axis: value for axis, value in zip(evidence.axes, key, strict=True) if axis != SEED})
        safe = "".join(letter if letter.isalnum() or letter in " _-." else "_" for letter in cell)
        found[f"{comparison.objective}/{safe or 'all'}"] = comparison.spread(key, comparison.objective).mean
    return found


def _put(study: StudyTracker, evidence: Evidence, markdown: str) -> None:
    ended = max((trial.row.ended or 0 for trial in evidence.finished), default=0)
    study.describe(markdown, means(evidence), time=ended, step=len(evidence.finished))


def _narrow(table: ReportTable) -> ReportTable:
    """Cell, first measure and last column: what is wide pushes the other half of MLflow's page off the screen."""
    places = [*range(table.words), *sorted({table.words, len(table.header) - 1} - set(range(table.words)))]
    header, *rows = [tuple(row[place] for place in places) for row in (table.header, *table.rows)]
    return replace(table, header=header, rows=tuple(rows))


def _whole_lines(text: str, room: int) -> str:
    """As many lines of a table as there is room for, and what to read instead where these are not all."""
    if len(text) <= room:
        return text
    more = "\n| ... all cells are in the report |\n"
    kept = text[: max(room - len(more), 0)]
    return kept[: kept.rfind("\n")] + more
