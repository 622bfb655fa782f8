"""The parent run of a study, and what its trials leave below it."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.finished_trials import finished_trials
from tests.mlflow_server import attempt, fresh_database, study
from training.spec import TrialSpec
from training.tracking.server import TrackingError


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return fresh_database(tmp_path)


def test_one_parent_run_per_study_and_lake(uri: str) -> None:
    first = study(uri, "parents")
    first.finish("FAILED")
    again = study(uri, "parents")
    other = study(uri, "parents", lake="lake2")
    assert again.run_id == first.run_id
    assert other.run_id != first.run_id
    assert other.experiment_id == first.experiment_id


def test_a_parent_is_running_while_it_is_open(uri: str) -> None:
    parent = study(uri, "status")
    client = MlflowClient(parent.tracking_uri)
    parent.finish("FINISHED")
    assert client.get_run(parent.run_id).info.status == "FINISHED"
    study(uri, "status")
    assert client.get_run(parent.run_id).info.status == "RUNNING"


def test_finished_are_the_newest_finished_attempts_of_this_parent(uri: str) -> None:
    parent, other = study(uri, "done"), study(uri, "done", lake="lake2")
    a, b, c = (TrialSpec(seed=seed) for seed in (1, 2, 3))
    attempt(parent, a, "FAILED")
    attempt(parent, a, "FINISHED", **{"test/f1": 0.1})
    attempt(parent, a, "FINISHED", **{"test/f1": 0.2})
    attempt(parent, b, "FAILED", **{"test/f1": 0.3})
    attempt(other, c, "FINISHED", **{"test/f1": 0.4})
    assert finished_trials(parent) == {a.trial_id: {"test/f1": 0.2}}
    assert finished_trials(other) == {c.trial_id: {"test/f1": 0.4}}
    assert [row.status for row in parent.children_rows()] == ["FAILED", "FINISHED", "FINISHED", "FAILED"]


def test_a_retry_is_a_new_run(uri: str) -> None:
    parent = study(uri, "retry")
    runs = [attempt(parent, TrialSpec(), status).run_id for status in ("FAILED", "FINISHED")]
    assert [row.run_id for row in parent.children_rows()] == runs
    assert len(set(runs)) == 2


def test_all_pages_are_read(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = study(uri, "pages")
    for seed in range(3):
        attempt(parent, TrialSpec(seed=seed), "FINISHED")
    search = MlflowClient.search_runs
    monkeypatch.setattr(
        MlflowClient, "search_runs", lambda self, *args, **more: search(self, *args, **{**more, "max_results": 1})
    )
    assert len(finished_trials(parent)) == 3


def test_a_deleted_experiment_is_named(uri: str) -> None:
    parent = study(uri, "gone")
    MlflowClient(parent.tracking_uri).delete_experiment(parent.experiment_id)
    with pytest.raises(TrackingError, match="'gone' was deleted: restore it"):
        study(uri, "gone")


def test_the_end_after_an_error_ends_the_trials_that_seem_to_run_where_asked(uri: str) -> None:
    parent = study(uri, "given up")
    client = MlflowClient(uri)
    tags = {"kind": "trial", "trial_id": "t", "mlflow.parentRunId": parent.run_id}
    client.create_run(parent.experiment_id, tags=tags)
    parent.finish_after_error("FAILED")
    assert [row.status for row in parent.children_rows()] == ["RUNNING"], "another process may run it"
    parent.finish_after_error("FAILED", with_trials=True)
    assert [row.status for row in parent.children_rows()] == ["KILLED"]
    assert client.get_run(parent.run_id).info.status == "FAILED"
