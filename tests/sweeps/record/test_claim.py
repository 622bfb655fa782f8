"""One driver at a time runs a study, and a dead one does not keep it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from sweeps.record.claim import STALE_S, Claim, StudyClaimedError, claimed
from sweeps.record.study import StudyTracker
from tests.mlflow_server import fresh_database
from training.tracking.server import TrackingError


@pytest.fixture
def study(tmp_path: Path) -> StudyTracker:
    return StudyTracker.open(fresh_database(tmp_path), study="s", lake="l")


def put(study: StudyTracker, **changes: object) -> None:
    options: dict[str, object] = {"token": "other", "host": "elsewhere", "pid": 1, "beat": time.time()}
    study.set_tag("driver", Claim(**(options | changes)).model_dump_json())  # type: ignore[arg-type]


def test_a_study_is_free_again_after_its_driver(study: StudyTracker) -> None:
    other = pytest.raises(StudyClaimedError, match=f"run by process {os.getpid()} on")
    with claimed(study) as first, other, claimed(study):
        pass
    with claimed(study) as second:
        assert first != second


def test_a_driver_elsewhere_holds_it_while_it_says_that_it_lives(study: StudyTracker) -> None:
    put(study)
    with pytest.raises(StudyClaimedError, match="process 1 on elsewhere: wait for it"), claimed(study):
        pass
    put(study, beat=time.time() - STALE_S - 1)
    with claimed(study):
        pass


def test_a_driver_that_was_killed_here_is_replaced_at_once(study: StudyTracker) -> None:
    import socket

    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    put(study, host=socket.gethostname(), pid=gone.pid)
    with claimed(study):
        pass


def test_of_two_that_start_together_one_stays(study: StudyTracker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: put(study))  # the other writes while this one waits
    with pytest.raises(StudyClaimedError), claimed(study):
        pass
    monkeypatch.undo()
    assert '"other"' in study.tag("driver"), "its claim stays"


def test_a_claim_that_nobody_can_read_is_none(study: StudyTracker) -> None:
    study.set_tag("driver", "{}")
    with claimed(study):
        pass


def test_a_server_that_goes_away_hides_neither_the_error_nor_the_end(
    study: StudyTracker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object, **__: object) -> None:
        raise TrackingError("the server is away")

    def broken() -> None:
        with claimed(study):
            try:
                raise RuntimeError("the network broke")
            except RuntimeError:
                for name in ("children_rows", "finish", "set_tag"):
                    monkeypatch.setattr(StudyTracker, name, away)
                study.give_up("FAILED", with_trials=True)
                raise

    with pytest.raises(RuntimeError, match="the network broke"):
        broken()
    assert [record.getMessage().split(" that ")[0] for record in caplog.records] == ["MLflow was not told"] * 2


def test_giving_up_ends_the_trials_that_seem_to_run_where_asked(study: StudyTracker) -> None:
    client = MlflowClient(study.tracking_uri)
    tags = {"kind": "trial", "trial_id": "t", "mlflow.parentRunId": study.run_id}
    client.create_run(study.experiment_id, tags=tags)
    study.give_up("FAILED")
    assert [row.status for row in study.children_rows()] == ["RUNNING"], "another process may run it"
    study.give_up("FAILED", with_trials=True)
    assert [row.status for row in study.children_rows()] == ["KILLED"]
    assert client.get_run(study.run_id).info.status == "FAILED"
