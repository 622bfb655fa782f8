"""The record of a trial that belongs to a study."""

import platform
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from datasets.errors import LakeAccessError
from datasets.storage import read
from sweeps.launch import trial_record as module
from sweeps.launch.checkpoints import SupersededError, TrialCheckpoints
from sweeps.launch.trial_record import StudyTrialTracker, recorded
from sweeps.record.run_tags import ALIVE, BEAT_S, BEST, EPOCHS, NODE
from sweeps.record.study import StudyTracker
from tests.mlflow_server import all_sent, fresh_database
from tests.sweeps.launch.small_study import SPEC, orders_of_nobody
from training.spec import TrialSpec
from training.tracking.tracker import MemoryTracker, Status, record_failure


class Heard(MemoryTracker):
    begun = False

    def start(self, spec: TrialSpec, tags: Mapping[str, str]) -> None:
        super().start(spec, tags)
        self.begun = True


def failing(tracker: Heard) -> None:
    (order,) = orders_of_nobody(1)
    of_study: StudyTrialTracker = tracker  # type: ignore[assignment]
    with pytest.raises(ValueError, match="no lake"), recorded(order, of_study):
        raise ValueError("no lake")


def test_a_trial_that_fails_before_its_record_begins_gets_one() -> None:
    tracker = Heard()
    failing(tracker)
    failed: Status = "FAILED"
    assert (tracker.spec, tracker.tags, tracker.status) == (SPEC, {"lake": ""}, failed)
    assert "no lake" in tracker.texts["error.txt"]


def test_a_trial_says_that_it_lives_and_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICEBENCH_OUTBOX", str(tmp_path / "outbox"))
    study = StudyTracker.open(fresh_database(tmp_path), study="s", lake="l")
    (nobody,) = orders_of_nobody(1)
    order = nobody.model_copy(
        update={"tracking_uri": study.tracking_uri, "study": "s", "parent_run": study.run_id, "storage": str(tmp_path)}
    )
    checkpoints = TrialCheckpoints(order.checkpoints, tmp_path, attempt="a")
    checkpoints.began = 5000
    tracker = StudyTrialTracker(order, checkpoints)
    told: list[Mapping[str, str]] = []
    monkeypatch.setattr(tracker, "set_tags", told.append)
    now = [1000.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0], time=time.time))
    tracker.start(SPEC, {})
    for epoch, (f1, pause) in enumerate([(0.5, 5.0), (0.75, 5.0), (0.5, 0.1), (0.25, 0.1)]):
        now[0] += pause
        tracker.log_metrics({"val/f1": f1}, epoch)
    tracker.log_metrics({"test/f1": 0.1})
    assert [(tags[EPOCHS], tags[BEST]) for tags in told] == [("1", "0.5"), ("2", "0.75")], "fast ones later"
    tracker.live()
    assert len(told) == 2, "it said so just now"
    now[0] += BEAT_S
    tracker.live()
    tracker.live()
    assert (len(told), told[2][EPOCHS], told[2][BEST]) == (3, "4", "0.75"), "the best of all, not the last"
    now[0] += BEAT_S
    tracker.live()
    assert set(told[3]) == {ALIVE}
    assert all_sent(tracker, 20)
    (row,) = study.children_rows()
    assert row.tags[NODE] == platform.node()
    assert row.tags[ALIVE]
    assert row.started == 5000, "in the order of attempts, whatever the clock of this host says"


def test_a_record_that_has_begun_is_left_to_its_trial() -> None:
    tracker = Heard()
    tracker.start(SPEC, {})
    failing(tracker)
    assert (tracker.status, tracker.texts) == (None, {})


def test_an_attempt_that_was_cut_off_while_it_scored_is_not_called_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its host reaches the store again at the second try, and another attempt has finished meanwhile."""
    monkeypatch.setenv("ICEBENCH_OUTBOX", str(tmp_path / "outbox"))
    study = StudyTracker.open(fresh_database(tmp_path), study="s", lake="l")
    (nobody,) = orders_of_nobody(1)
    update = {"tracking_uri": study.tracking_uri, "study": "s", "parent_run": study.run_id, "storage": str(tmp_path)}
    order = nobody.model_copy(update=update)
    attempts = [TrialCheckpoints(order.checkpoints, tmp_path / name, attempt=name) for name in ("old", "new")]
    old, new = (StudyTrialTracker(order, checkpoints) for checkpoints in attempts)
    for tracker, checkpoints in zip((old, new), attempts, strict=True):
        checkpoints.take(resume=True)
        tracker.start(SPEC, {})
    new.finish("FINISHED")
    cut_off = [True]

    def cut_off_once(url: str) -> bytes | None:
        if cut_off:
            cut_off.clear()
            raise LakeAccessError("no route to the store")
        return read(url)

    monkeypatch.setattr("sweeps.launch.checkpoints.read", cut_off_once)
    monkeypatch.setattr("sweeps.launch.checkpoints._PAUSE_S", 0.0)
    with pytest.raises(SupersededError) as raised:
        old.finish("FINISHED")
    record_failure(old, raised.value)
    for checkpoints in attempts:
        checkpoints.close(finished=False)
    assert all_sent(old, 60)
    assert sorted(row.status for row in study.children_rows()) == ["FAILED", "FINISHED"]
