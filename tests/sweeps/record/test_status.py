"""`python -m sweeps status` on a real MLflow store."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sweeps.__main__ import app
from sweeps.record.design import StudyDesign
from sweeps.record.study import StudyTracker
from tests.mlflow_server import fresh_database
from training.spec import TrialSpec
from training.tracking.mlflow_tracker import MlflowTracker

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


def test_every_trial_of_one_study_is_shown(study: StudyTracker) -> None:
    shown = said(study, "downscale")
    assert "data.ratio=2 seed=0 finished 2 50.0 % 25.0 %" in shown
    assert "data.ratio=2 seed=1 failed 1" in shown


def test_an_unknown_study_is_named_with_the_nearest(study: StudyTracker) -> None:
    shown = said(study, "downscal")
    assert shown == "2 error unknown study in MLflow 'downscal': known are downscale; did you mean 'downscale'?"
