"""The lines of a job, with a fake clock and recorded rows of a real MLflow store."""

from pathlib import Path

import pytest

from sweeps.launch.job_log import JobLog, Watched
from sweeps.launch.trials import Event
from sweeps.record.state import STOPPED
from sweeps.record.study import StudyTracker
from tests.mlflow_server import fresh_database
from training.spec import TrialSpec
from training.tracking.mlflow_tracker import MlflowTracker

NAMES = [f"task=pixel data.ratio={ratio} seed={seed}" for ratio in (5, 10) for seed in (0, 1)]


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def study(tmp_path: Path) -> StudyTracker:
    return StudyTracker.open(fresh_database(tmp_path), study="s", lake="l")


def record(study: StudyTracker, seed: int, status: str, **metrics: float) -> str:
    spec = TrialSpec(seed=seed)
    tracker = MlflowTracker(study.tracking_uri, study.study, study.run_id)
    tracker.start(spec, {})
    tracker.log_metrics({name.replace("__", "/"): value for name, value in metrics.items()})
    tracker.finish(status)  # type: ignore[arg-type]
    return spec.trial_id


def begins(name: str) -> Event:
    return Event(name=name, epoch=0, metrics={})


def ends(name: str, trial_id: str, *, failed: bool = False) -> Event:
    return Event(name=name, trial_id=trial_id, epoch=2, metrics={}, ended=True, failed=failed)


def test_a_finished_trial_has_its_score_its_time_what_is_left_and_the_end(
    study: StudyTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    clock = Clock()
    log = JobLog(Watched(study=study, objective="test/f1", names=NAMES), clock)
    trial = record(study, 0, "FINISHED", test__f1=0.71, test_80m__f1=0.8125)
    assert log.line(begins(NAMES[0])) == ""
    clock.now += 600
    line = log.line(ends(NAMES[0], trial))
    assert line == f"[1/4] finished {NAMES[0]}: test/f1 0.710, 10 min; 3 left, end about 22:53 UTC"
    log.line(begins(NAMES[1]))
    log.line(begins(NAMES[2]))  # two at a time: the last one takes the place of the one that fails
    clock.now += 300
    failed = log.line(ends(NAMES[1], "t", failed=True))
    assert failed == f"[2/4] failed {NAMES[1]}: 5 min; 2 left, end about 22:38 UTC"


def test_a_score_that_is_not_on_record_is_said_to_be_missing(study: StudyTracker) -> None:
    log = JobLog(Watched(study=study, objective="test/f1", names=NAMES[:3]))
    assert "ended task=pixel data.ratio=5 seed=0: its result is not in MLflow yet, 0 s; 2 left" in log.line(
        ends(NAMES[0], "unknown")
    )
    stopped = record(study, 1, "KILLED", **{STOPPED.replace("/", "__"): 1.0})
    assert log.line(ends(NAMES[1], stopped)) == f"[2/3] stopped {NAMES[1]}: 0 s; 1 left"
    usual = record(study, 2, "FINISHED", test_80m__f1=0.5)
    assert log.line(ends(NAMES[2], usual)) == f"[3/3] finished {NAMES[2]}: test_80m/f1 0.500, 0 s; none left"


def test_a_database_that_is_gone_costs_only_the_score(tmp_path: Path) -> None:
    away = StudyTracker(tracking_uri="http://127.0.0.1:9", study="s", experiment_id="1", run_id="r")
    log = JobLog(Watched(study=away, objective="test/f1", names=[""]))
    assert log.line(ends("a seed=0", "t")) == "[1/1] ended a seed=0: its result is not in MLflow yet, 0 s; none left"


def test_trials_that_finished_before_tell_how_long_the_others_take(study: StudyTracker) -> None:
    clock = Clock()
    cell = "task=pixel data.ratio=10"
    log = JobLog(Watched(study=study, objective="", names=NAMES[2:], durations={cell: [7200.0]}), clock)
    line = log.line(ends(NAMES[2], "t", failed=True))
    assert line.startswith(f"[1/2] failed {NAMES[2]}: 0 s; 1 left, end about ")
