"""Reads a study and its trials from MLflow: the attempts that count, their results, what became of the others."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TypeVar

from pydantic import ValidationError

from sweeps.record.studies import StudyRow, read_files, study_row
from sweeps.record.study import StudyTracker, TrialRow
from sweeps.report.cells import CellComparison
from sweeps.report.evidence import Evidence, collect, newest_attempts
from sweeps.report.map_choice import map_choices
from training.artifacts.small_maps import SmallMap, SmallMapError
from training.attribution.result import AttributionResult
from training.attribution.settings import AttributionError
from training.evaluation.result import TrialResult
from training.tracking.server import public

_Result = TypeVar("_Result", TrialResult, AttributionResult)


def read_evidence(study: StudyTracker, row: StudyRow | None = None, *, scores: bool = True) -> Evidence:
    """Everything about a study: its parent run, one search for its trials, result.json of those that finished.

    `row` is the parent run, if it was read already; trials that explain networks have no result.json, and no `scores`.
    """
    rows = study.children_rows()
    newest = newest_attempts(rows)
    finished = [each.run_id for each in newest if each.status == "FINISHED" and scores]
    results, unread = read_results(study.tracking_uri, finished)
    errors = _errors(study, newest)
    return collect(row or study_row(study), public(study.tracking_uri), rows, results, unread=unread, errors=errors)


def read_results(tracking_uri: str, run_ids: Iterable[str]) -> tuple[dict[str, TrialResult], dict[str, str]]:
    """result.json of runs by run_id, and why those that could not be read could not, likewise."""
    return _parsed(tracking_uri, run_ids, "result.json", TrialResult.model_validate_json)


def read_attributions(study: StudyTracker, evidence: Evidence) -> tuple[dict[str, AttributionResult], dict[str, str]]:
    """Attributions of the finished trials by run_id, and why others could not be read, likewise."""
    by_method: dict[str, list[str]] = {}
    for trial in evidence.finished:
        by_method.setdefault(trial.row.tags.get("attribution.method", ""), []).append(trial.row.run_id)
    results, unread = dict[str, AttributionResult](), dict[str, str]()
    for method, run_ids in by_method.items():
        found = _parsed(study.tracking_uri, run_ids, f"attribution/{method}.json", AttributionResult.from_json)
        results |= found[0]
        unread |= found[1]
    return results, unread


def read_maps(study: StudyTracker, evidence: Evidence) -> dict[tuple[str, str], SmallMap]:
    """Small maps of the scenes that the report of a study draws, by run and artifact, as far as there are any."""
    return small_maps(study.tracking_uri, [f for choice in map_choices(CellComparison(evidence)) for f in choice.files])


def small_maps(tracking_uri: str, files: Iterable[tuple[str, str]]) -> dict[tuple[str, str], SmallMap]:
    """Small maps by run and artifact; one that cannot be read is as one that is not there: the page says so."""
    found = {}
    for file, artifact in read_files(tracking_uri, files).items():
        if artifact.content is not None:
            with suppress(SmallMapError):
                found[file] = SmallMap.parse(artifact.content)
    return found


def _parsed(
    tracking_uri: str, run_ids: Iterable[str], artifact: str, parse: Callable[[str], _Result]
) -> tuple[dict[str, _Result], dict[str, str]]:
    results, unread = {}, {}
    for (run_id, _), found in read_files(tracking_uri, [(run_id, artifact) for run_id in run_ids]).items():
        if found.text is None:
            unread[run_id] = found.problem
            continue
        try:
            results[run_id] = parse(found.text)
        except ValidationError as error:
            unread[run_id] = f"it is of another version of this project ({error.errors()[0]['msg']})"
        except AttributionError as error:
            unread[run_id] = str(error)
    return results, unread


def _errors(study: StudyTracker, newest: Sequence[TrialRow]) -> dict[str, str]:
    """Last line of the error of attempts that ended badly."""
    ended_badly = [(each.run_id, "error.txt") for each in newest if each.status in ("FAILED", "KILLED")]
    found = read_files(study.tracking_uri, ended_badly).items()
    lines = {run_id: each.text.strip().splitlines() for (run_id, _), each in found if each.text}
    return {run_id: own[-1].strip() if own else "" for run_id, own in lines.items()}
