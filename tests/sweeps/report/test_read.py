"""A study as its trials left it in MLflow, in few requests."""

from collections import Counter

import pytest

from sweeps.report.read import read_evidence
from tests.sweeps.report.stored_studies import open_study


def test_a_study_is_read_as_its_trials_left_it(uri: str) -> None:
    evidence = read_evidence(open_study(uri))
    assert [(trial.key, trial.seed) for trial in evidence.finished] == [(("2",), 0), (("2",), 1), (("10",), 0)]
    assert all(trial.result is not None for trial in evidence.finished)
    (failed,) = evidence.unfinished
    assert (failed.key, failed.seed, failed.row.status) == (("10",), 1, "FAILED")
    assert failed.error == "NonFiniteLossError: the loss is nan in epoch 3"
    assert evidence.lost_attempts == 2
    assert evidence.unread == {}


def test_requests_do_not_grow_with_attempts(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    asked: Counter[str] = Counter()
    for name in ("search_runs", "search_experiments", "download_artifacts"):

        def counted(*words: object, _name: str = name, _call: object = getattr(MlflowClient, name), **more: object):  # type: ignore[no-untyped-def]  # noqa: ANN202
            asked[_name] += 1
            return _call(*words, **more)  # type: ignore[operator]

        monkeypatch.setattr(MlflowClient, name, counted)
    study = open_study(uri)
    asked.clear()
    read_evidence(study)
    assert asked == {"search_runs": 1, "download_artifacts": 3 + 1}, "three results, the error of one failed trial"
