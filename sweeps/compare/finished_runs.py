"""Finished runs of MLflow to compare with: by run id, by study, or the best of the study of all networks."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from sweeps.compare.entries import CompareError
from sweeps.record.studies import StudyRow, list_studies, read_run
from sweeps.record.study import TrialRow
from sweeps.report.evidence import FinishedTrial, newest_attempts
from sweeps.report.labels import best_by_val, by_settings
from sweeps.report.read import read_results
from training.tracking.server import NoRecordError, RunGoneError, public

BASE_STUDY: Final = "base_model"
"""Study whose best trials are the baselines where no others are named."""


def named_baselines(tracking_uri: str, names: Sequence[str], lake: str) -> list[FinishedTrial]:
    """Trials by run id, or all finished ones of a study, on the lake of this digest.

    Raises:
        CompareError: A name is neither, a run has not finished, has no result or is of another lake, or a study has
            no finished trial on this lake.
        TrackingError: The server is away.
    """
    studies = list_studies(tracking_uri)
    rows = dict[str, TrialRow]()
    for name in names:
        of_name = [row for row in studies if row.study == name]
        found = _of_study(of_name, tracking_uri, lake) if of_name else [_run(tracking_uri, name, lake, studies)]
        rows |= {row.run_id: row for row in found}
    return _entries(tracking_uri, list(rows.values()))


def best_baselines(tracking_uri: str, lake: str) -> list[FinishedTrial]:
    """The network of each task of `base_model` on this lake with the best val F1, with all its seeds; or none."""
    studies = list[StudyRow]()
    with suppress(NoRecordError):  # the comparison is the first thing that is recorded there
        studies = [row for row in list_studies(tracking_uri) if row.study == BASE_STUDY and row.lake == lake]
    rows = [row for study in studies for row in _finished(study, tracking_uri)]
    found = []
    for task in dict.fromkeys(row.params["data.task"] for row in rows):
        found += best_by_val(by_settings(row for row in rows if row.params["data.task"] == task))
    return _entries(tracking_uri, found)


def _of_study(studies: Sequence[StudyRow], tracking_uri: str, lake: str) -> list[TrialRow]:
    name = studies[0].study
    own = [study for study in studies if study.lake == lake]
    if not own:
        raise CompareError(
            f"study {name!r} ran on the lake {', '.join(study.lake for study in studies)} and not on {lake}: scores of "
            "other scenes cannot be compared, so run it on this lake or leave it out"
        )
    found = [row for study in own for row in _finished(study, tracking_uri)]
    if not found:
        raise CompareError(f"study {name!r} has no finished trial on this lake: wait for it, or leave it out")
    return found


def _finished(study: StudyRow, tracking_uri: str) -> list[TrialRow]:
    rows = newest_attempts(study.tracker(tracking_uri).children_rows())
    return [row for row in rows if row.status == "FINISHED"]


def _run(tracking_uri: str, name: str, lake: str, studies: Sequence[StudyRow]) -> TrialRow:
    try:
        row = read_run(tracking_uri, name)
    except RunGoneError as error:
        raise CompareError(
            f"--against {name!r} is neither a run nor a study of MLflow at {public(tracking_uri)}: studies there are "
            f"{', '.join(dict.fromkeys(study.study for study in studies)) or 'none'}"
        ) from error
    if "data.task" not in row.params:
        raise CompareError(f"run {name} is no trial: give the run of one, or a study by its name")
    if row.status != "FINISHED":
        raise CompareError(f"run {name} is {row.status} and has no result: give a finished one")
    of_lake = row.tags.get("lake", row.params.get("data.lake", ""))
    if of_lake != lake:
        raise CompareError(
            f"run {name} is of the lake {of_lake} and not of {lake}: scores of other scenes cannot be compared, so "
            "give the lake of the run, or a run of this lake"
        )
    return row


def _entries(tracking_uri: str, rows: Sequence[TrialRow]) -> list[FinishedTrial]:
    results, unread = read_results(tracking_uri, [row.run_id for row in rows])
    for run_id, problem in unread.items():
        raise CompareError(
            f"the result of run {run_id} cannot be read ({problem}): without its confusion matrices there is nothing "
            "to compare, so leave it out or run it again"
        )
    return [FinishedTrial(key=(), row=row, result=results[row.run_id]) for row in rows]
