"""Reads a study from MLflow, writes its report into a folder, and puts it on the parent run."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sweeps.record.studies import StudyRow, read_artifacts, study_row
from sweeps.record.study import StudyTracker, TrialRow
from sweeps.report.campaign_page import campaign_page, campaign_table
from sweeps.report.evidence import Evidence, collect
from sweeps.report.importance_report import importance_report
from sweeps.report.results import newest_attempts, read_results
from sweeps.report.study_report import Report, make_report
from training.attribution.result import AttributionResult
from training.attribution.settings import AttributionError
from training.tracking.server import public

PAGE: Final = "report.html"
CAMPAIGN_PAGE: Final = "campaign.html"
_FOLDER: Final = "report"
"""Artifact folder on the parent run."""


def write_report(study: StudyTracker, folder: Path, row: StudyRow | None = None) -> Report:
    """Writes the report of a study: report.html, table.csv, .md, .tex, other tables as .csv, figures/*.png.

    Args:
        study: The parent run.
        folder: Made if it is not there; files of an earlier report are replaced.
        row: The parent run if it was read already.

    Raises:
        TrackingError: The server is away.
    """
    report = read_report(study, row)
    _fill(folder, report)
    return report


def read_report(study: StudyTracker, row: StudyRow | None = None) -> Report:
    """Makes the report that a study asks for: scores of trainings, or the importance of channels."""
    row = row or study_row(study)
    if row.design is None or row.design.about == "scores":
        return make_report(read_evidence(study, row))
    rows = study.children_rows()
    evidence = collect(row, public(study.tracking_uri), rows, {}, errors=_errors(study, newest_attempts(rows)))
    return importance_report(evidence, *_attributions(study, evidence))


def log_report(study: StudyTracker, report: Report) -> None:
    """Puts the report on the parent run: all files in the artifact folder `report`, the tables at its root too."""
    with tempfile.TemporaryDirectory(prefix="icebench-report-") as name:
        texts = _fill(Path(name), report)
        study.log_folder(Path(name), _FOLDER)
    study.log_table(texts["table.csv"], texts["table.md"])


def write_campaign(reports: Sequence[Report], folder: Path, tracking_uri: str) -> Path:
    """Writes the page and the table over all studies; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    table = campaign_table(reports)
    (folder / "campaign.csv").write_text(table.to_csv(), encoding="utf-8")
    (folder / "campaign.md").write_text(table.to_markdown(), encoding="utf-8")
    (folder / "campaign.tex").write_text(table.to_latex(), encoding="utf-8")
    page = folder / CAMPAIGN_PAGE
    page.write_text(campaign_page(reports, public(tracking_uri)), encoding="utf-8")
    return page


def read_evidence(study: StudyTracker, row: StudyRow | None = None) -> Evidence:
    """Everything about a study: its parent run, one search for its trials, result.json of those that finished."""
    rows = study.children_rows()
    newest = newest_attempts(rows)
    finished = [each.run_id for each in newest if each.status == "FINISHED"]
    results, unread = read_results(study.tracking_uri, finished)
    errors = _errors(study, newest)
    return collect(row or study_row(study), public(study.tracking_uri), rows, results, unread=unread, errors=errors)


def _fill(folder: Path, report: Report) -> dict[str, str]:
    """Writes all files; returns the texts by name."""
    figures = folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    for old in figures.glob("*.png"):
        old.unlink()
    texts = report.texts()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    for picture in report.pictures:
        (figures / f"{picture.name}.png").write_bytes(picture.png)
    return texts


def _attributions(study: StudyTracker, evidence: Evidence) -> tuple[dict[str, AttributionResult], dict[str, str]]:
    """Results of the finished trials by run, and why others could not be read."""
    by_method: dict[str, list[str]] = {}
    for trial in evidence.finished:
        by_method.setdefault(trial.row.tags.get("attribution.method", ""), []).append(trial.row.run_id)
    results, problems = {}, {}
    for method, run_ids in by_method.items():
        for run_id, found in read_artifacts(study.tracking_uri, run_ids, f"attribution/{method}.json").items():
            try:
                if found.text is None:
                    problems[run_id] = found.problem
                else:
                    results[run_id] = AttributionResult.from_json(found.text)
            except AttributionError as error:
                problems[run_id] = str(error)
    return results, problems


def _errors(study: StudyTracker, newest: Sequence[TrialRow]) -> dict[str, str]:
    """Last line of the error of attempts that ended badly."""
    ended_badly = [each.run_id for each in newest if each.status in ("FAILED", "KILLED")]
    found = read_artifacts(study.tracking_uri, ended_badly, "error.txt")
    return {run_id: _last_line(each.text) for run_id, each in found.items() if each.text}


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
