"""`python -m sweeps status` on a real MLflow store."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sweeps.__main__ import app
from sweeps.record import status as module
from sweeps.record.design import StudyDesign
from sweeps.record.run_tags import BEST, EPOCHS, NODE, alive_tag
from sweeps.record.status import watch_trials
from sweeps.record.studies import StudyRow, list_studies
from sweeps.record.study import StudyTracker
from tests.mlflow_server import all_sent, fresh_database
from training.spec import TrialSpec
from training.tracking.mlflow_tracker import MlflowTracker
from training.tracking.server import TrackingError

DESIGN = StudyDesign(question="Q?", objective="test/f1", axes={"data.ratio": ("2", "5")}, seeds=(0, 1), trials=4)


def attempt(study: StudyTracker, seed: int, status: str) -> None:
    tracker = MlflowTracker(study.tracking_uri, study.study, study.run_id)
    tracker.start(TrialSpec().with_("seed", seed), {"lake": "lake1", "axis.data.ratio": "2"})
    tracker.log_metrics({"best/val_f1": 0.5, "test_80m/f1": 0.25})
    tracker.finish(status)  # type: ignore[arg-type]


@pytest.fixture
def study(tmp_path: Path) -> StudyTracker:
    study = StudyTracker.open(fresh_database(tmp_path), study="downscale", lake="lake1", design=DESIGN)
    for seed, status in ((0, "FAILED"), (0, "FINISHED"), (1, "FAILED")):
        attempt(study, seed, status)
    return study


def said(study: StudyTracker, *words: str) -> str:
    done = CliRunner().invoke(app, ["status", *words, "--tracking-uri", study.tracking_uri], env={"COLUMNS": "120"})
    return f"{done.exit_code} {' '.join(done.output.replace('│', ' ').split())}"


def test_trials_are_counted_by_what_became_of_them(study: StudyTracker) -> None:
    shown = said(study)
    assert shown.startswith("0 studies on lake lake1")
    assert "downscale 4 1 finished, 1 failed, 2 missing" in shown
    StudyTracker.open(study.tracking_uri, study="downscale", lake="lake2", design=DESIGN)
    shown = said(study)
    assert "downscale lake1 4 1 finished, 1 failed, 2 missing" in shown
    assert "downscale lake2 4 4 missing" in shown


def running(study: StudyTracker, **tags: str) -> None:
    tracker = MlflowTracker(study.tracking_uri, study.study, study.run_id)
    tracker.start(TrialSpec().with_("data.ratio", 5), {"lake": "lake1", "axis.data.ratio": "5", NODE: "gpu-7"})
    tracker.set_tags(tags)
    assert all_sent(tracker, 20)


def test_every_trial_of_one_study_is_shown_those_that_wait_too(study: StudyTracker) -> None:
    running(study, **{EPOCHS: "3", BEST: "0.71", **alive_tag(time.time() - 300)})
    shown = said(study, "downscale")
    assert "downscale on lake lake1: 1 running, 1 failed, 1 finished, 1 waiting; end about " in shown
    assert "data.ratio=2 seed=0 finished (2) 50.0 % 25.0 %" in shown
    assert "data.ratio=2 seed=1 failed 50.0 % 25.0 %" in shown
    assert "data.ratio=5 seed=0 running 3/300 71.0 % gpu-7 5 min " in shown
    assert "data.ratio=5 seed=1 waiting " in shown
    study.finish("FAILED")
    assert "data.ratio=5 seed=1 missing as of " in said(study, "downscale"), "nobody is going to run it"


def watched(study: StudyTracker, capsys: pytest.CaptureFixture[str], sleep: Callable[[float], None]) -> list[str]:
    watch_trials(list_studies(study.tracking_uri), study.tracking_uri, sleep=sleep)
    return capsys.readouterr().out.splitlines()


def test_a_watch_prints_anew_on_a_log_and_ends_with_the_study(
    study: StudyTracker, capsys: pytest.CaptureFixture[str]
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            study.finish("FINISHED")

    lines = watched(study, capsys, sleep)
    assert slept == [60, 60]
    assert sum(line.split()[:4] == ["data.ratio=2", "seed=0", "finished", "(2)"] for line in lines) == 3
    assert lines[-1] == "study downscale on lake lake1 does not run: FINISHED"
    assert not any("\x1b" in line for line in lines), "a log has no cursor"
    assert watched(study, capsys, sleep)[-1] == lines[-1]
    assert len(slept) == 2, "what has ended is shown once"


def test_a_watch_waits_for_a_server_that_is_away(
    study: StudyTracker, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    study.finish("FINISHED")
    look = module.study_row

    def fails_once(study: StudyTracker) -> StudyRow:
        monkeypatch.setattr(module, "study_row", look)
        raise TrackingError("the MLflow server does not answer")

    monkeypatch.setattr(module, "study_row", fails_once)
    lines = watched(study, capsys, lambda seconds: None)
    assert lines[0] == "the MLflow server does not answer"
    assert lines[-1].endswith("FINISHED")


def test_ctrl_c_ends_a_watch_quietly(study: StudyTracker, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "watch_trials", interrupted)
    assert said(study, "downscale", "--watch") == "130 "
    assert "--watch is for one study" in said(study, "--watch")


def test_an_unknown_study_is_named_with_the_nearest(study: StudyTracker) -> None:
    shown = said(study, "downscal")
    assert shown == "2 error unknown study in MLflow 'downscal': known are downscale; did you mean 'downscale'?"
