"""Makes the report that a study asks for, writes it into a folder, and puts it on the parent run."""

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sweeps.record.studies import StudyRow, study_row
from sweeps.record.study import StudyTracker
from sweeps.report.campaign_page import campaign_page, campaign_table
from sweeps.report.importance_report import importance_report
from sweeps.report.page import write_files, write_texts
from sweeps.report.parent_run import write_parent
from sweeps.report.read import read_attributions, read_evidence, read_maps
from sweeps.report.study_report import Report, make_report
from training.tracking.server import ArtifactStoreError, public

logger = logging.getLogger(__name__)

PAGE: Final = "report.html"
_FOLDER: Final = "report"
"""Artifact folder on the parent run."""


def write_report(study: StudyTracker, folder: Path, row: StudyRow | None = None) -> Report:
    """Writes the report of a study: report.html, table.csv, .md, .tex, other tables as .csv, figures/*.png.

    The folder is made if it is not there, and files of an earlier report are replaced; `row` is the parent run if it
    was read already.

    Raises:
        TrackingError: The server is away.
    """
    report = read_report(study, row)
    write_files(folder, report.texts(), report.pictures)
    return report


def read_report(study: StudyTracker, row: StudyRow | None = None) -> Report:
    """Makes the report that a study asks for: scores of trainings, or the importance of channels."""
    row = row or study_row(study)
    if row.design is None or row.design.about == "scores":
        evidence = read_evidence(study, row)
        return make_report(evidence, read_maps(study, evidence))
    evidence = read_evidence(study, row, scores=False)
    return importance_report(evidence, *read_attributions(study, evidence))


def log_report(study: StudyTracker, report: Report) -> None:
    """Puts the report on the parent run: all files in the artifact folder `report`, the tables at its root too.

    Description and metrics of the run say the main things first; files that cannot go are a warning, since all of them
    can be written again at any time.
    """
    write_parent(study, report)
    texts = report.texts()
    try:
        with tempfile.TemporaryDirectory(prefix="icebench-report-") as name:
            write_files(Path(name), texts, report.pictures)
            study.log_folder(Path(name), _FOLDER)
        study.log_table(texts["table.csv"], texts["table.md"])
    except ArtifactStoreError as error:
        logger.warning("the report of study %s is not on its run: %s", study.study, error)


def write_campaign(reports: Sequence[Report], folder: Path, tracking_uri: str) -> Path:
    """Writes the page and the table over all studies; returns the page."""
    table, page = campaign_table(reports), "campaign.html"
    texts = {
        "campaign.csv": table.to_csv(),
        "campaign.md": table.to_markdown(),
        "campaign.tex": table.to_latex(),
        page: campaign_page(reports, public(tracking_uri)),
    }
    write_texts(folder, texts)
    return folder / page
