"""What finished trials left in MLflow: the attempt of each that counts, and its result."""

from collections.abc import Iterable, Sequence

from pydantic import ValidationError

from sweeps.record.studies import read_artifacts
from sweeps.record.study import TrialRow
from sweeps.report.evidence import counting
from training.evaluation.result import TrialResult


def newest_attempts(rows: Sequence[TrialRow]) -> list[TrialRow]:
    """The attempt that speaks for each trial."""
    attempts: dict[str, list[TrialRow]] = {}
    for row in rows:
        attempts.setdefault(row.trial_id or row.run_id, []).append(row)
    return [counting(tries) for tries in attempts.values()]


def read_results(tracking_uri: str, run_ids: Iterable[str]) -> tuple[dict[str, TrialResult], dict[str, str]]:
    """result.json of runs by run_id, and why those that could not be read could not, likewise."""
    results, unread = {}, {}
    for run_id, found in read_artifacts(tracking_uri, run_ids, "result.json").items():
        if found.text is None:
            unread[run_id] = found.problem
            continue
        try:
            results[run_id] = TrialResult.model_validate_json(found.text)
        except ValidationError as error:
            unread[run_id] = f"it is of another version of this project ({error.errors()[0]['msg']})"
    return results, unread
