"""One driver at a time runs a study, and a dead one does not keep it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow_server import fresh_database

from training.study import StudyTracker
from training.study_claim import STALE_S, Claim, StudyClaimedError, claimed


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
