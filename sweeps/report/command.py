"""`python -m sweeps report`: from MLflow rows to a page and tables."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from datasets.errors import IceBenchError, unknown_name
from datasets.process.checkout import ROOT
from datasets.process.folders import folder_for
from datasets.process.terminal import err, print_whole, user_errors
from sweeps.record.tracking_option import USUAL_TRACKING, TrackingUri
from sweeps.report.terminal import note_other_lakes, say, terminal_table, warn

if TYPE_CHECKING:  # heavy: matplotlib and MLflow are loaded only by a report
    from sweeps.record.studies import StudyRow
    from sweeps.report.study_report import Report

_SCORES_SHOWN: Final = 3
"""Columns of scores that a narrow terminal can show; all are on the page."""


class NoReportError(IceBenchError, ValueError):
    """There is nothing to report about."""


def report_command(
    study: Annotated[str, typer.Argument(help="Name of the study; without it, a page over all studies.")] = "",
    tracking_uri: TrackingUri = "",
    out_folder: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for the files (without: results/reports/STUDY).", metavar="DIR"),
    ] = None,
    lake_digest: Annotated[
        str, typer.Option(help="Which lake, where a study ran on several (without: the newest).", metavar="DIGEST")
    ] = "",
    all_studies: Annotated[bool, typer.Option("--all", help="A page over all studies, as without a name.")] = False,
    log: Annotated[bool, typer.Option("--log/--no-log", help="Put each report on the study's parent run.")] = True,
) -> None:
    """Write what a study found: a page with figures, and tables as CSV, Markdown and LaTeX.

    All is read from MLflow; neither the lake nor Ray is needed. How to read it is said in docs/studies.md.
    """
    with user_errors():
        if study and all_studies:
            raise NoReportError(f"--all and the study {study!r} are given: give one of them")
        folder, uri = folder_for(out_folder or ROOT / "results/reports" / study), tracking_uri or USUAL_TRACKING
        from sweeps.record.studies import list_studies

        with err.status("reading MLflow"):
            rows = list_studies(uri)
        if not rows:
            raise NoReportError(
                "there is no study on this tracking server: run one, or give its --tracking-uri (MLFLOW_TRACKING_URI)"
            )
        from sweeps.report.study_report import how_to_open
        from sweeps.report.write import PAGE, write_campaign

        if study:
            report = _written(_chosen(rows, study, lake_digest), uri, folder, log=log)
            show_report(report)
            say(f"report: {folder / PAGE}", how_to_open(report.evidence))
            return
        chosen = [
            _chosen(rows, name, lake_digest)
            for name in dict.fromkeys(row.study for row in rows if lake_digest in ("", row.lake))
        ]
        if not chosen:
            lakes = ", ".join(dict.fromkeys(row.lake for row in rows))
            raise NoReportError(f"no study ran on the lake {lake_digest!r}: there are {lakes}")
        reports = [_written(row, uri, folder / row.study, log=log) for row in chosen]
        page = write_campaign(reports, folder, uri)
        say(*(f"{report.evidence.study.study}: {report.state}" for report in reports), f"report: {page}")


def show_report(report: "Report") -> None:
    """Prints the objective with its interval and one more score, the answer, and what to be wary of."""
    table = report.scores
    last = len(table.header) - 1
    columns = [*range(min(table.words + _SCORES_SHOWN, last)), last]
    print_whole(terminal_table(table, columns, whole_words=True), wrapped=True)
    say(f"{report.state}.", *report.answers)
    warn(report.warnings)


def _written(row: "StudyRow", tracking_uri: str, folder: Path, *, log: bool) -> "Report":
    from sweeps.report.write import log_report, write_report

    tracker = row.tracker(tracking_uri)
    with err.status(f"study {row.study}"):
        report = write_report(tracker, folder, row)
        if log:
            log_report(tracker, report)
    return report


def _chosen(rows: "tuple[StudyRow, ...]", study: str, lake_digest: str) -> "StudyRow":
    """The parent run of a study: of the lake that is asked for, else the newest; says which others there are."""
    own = [row for row in rows if row.study == study]
    if not own:
        raise unknown_name("study", study, dict.fromkeys(row.study for row in rows))
    if lake_digest:
        found = [row for row in own if row.lake == lake_digest]
        if not found:
            raise unknown_name(f"lake of study {study!r}", lake_digest, [row.lake for row in own])
        return found[0]
    note_other_lakes(f"study {study}", [row.lake for row in own])
    return own[0]
