"""What the run of a study shows in MLflow."""

import time
from pathlib import Path

import pytest
from mlflow import MlflowClient

from sweeps.launch.description import keeping_current
from sweeps.record.design import StudyDesign
from sweeps.record.studies import list_studies
from sweeps.record.study import StudyTracker, script_of, shared_settings
from sweeps.report import parent_run
from sweeps.report.cells import CellComparison
from sweeps.report.evidence import collect
from sweeps.report.parent_run import description, means, write_parent
from sweeps.report.score_tables import scores_table
from sweeps.report.study_report import make_report
from tests import invented_studies as invented
from tests.mlflow_server import fresh_database
from training.spec import TrialSpec
from training.tracking.mlflow_client import DESCRIPTION, TAG_LIMIT, VIEW_TAG
from training.tracking.mlflow_tracker import MlflowTracker

DESIGN = StudyDesign(
    question="Does it?",
    objective="test_80m/f1",
    axes={"task": ("pixel",), "data.ratio": ("2", "5")},
    seeds=(0, 1),
    trials=4,
)


@pytest.fixture
def study(tmp_path: Path) -> StudyTracker:
    return StudyTracker.open(
        fresh_database(tmp_path),
        study="downscale-smoke",
        lake="lake1",
        recipe="recipe1",
        question="Does it?",
        design=DESIGN,
        lake_url="s3://key:secret@lake/lake",
        settings={"data.patch_size": "256"},
    )


def finish(study: StudyTracker, ratio: str, seed: int, score: float) -> None:
    tracker = MlflowTracker(study.tracking_uri, study.study, study.run_id)
    tracker.start(TrialSpec(seed=seed), {"axis.task": "pixel", "axis.data.ratio": ratio, "trial_id": f"{ratio}{seed}"})
    tracker.log_metrics({"test_80m/f1": score})
    tracker.finish("FINISHED")


def of_parent(study: StudyTracker) -> tuple[str, dict[str, float]]:
    run = MlflowClient(study.tracking_uri).get_run(study.run_id)
    return run.data.tags[DESCRIPTION], run.data.metrics


def test_a_new_study_says_what_it_is_of(study: StudyTracker) -> None:
    run = MlflowClient(study.tracking_uri).get_run(study.run_id)
    assert run.data.params == {"data.patch_size": "256"}
    assert run.data.tags["mlflow.source.name"] == "sweeps/downscale.py"
    assert run.data.tags["mlflow.source.type"] == "LOCAL"
    (lake,) = run.inputs.dataset_inputs
    assert (lake.dataset.digest, "secret" in lake.dataset.source) == ("lake1", False)
    experiment = MlflowClient(study.tracking_uri).get_experiment(study.experiment_id)
    assert "test_80m/f1" in experiment.tags[VIEW_TAG]
    assert "tags.kind = 'trial'" in experiment.tags[VIEW_TAG], "trials, which MLflow hides below their study"


def test_opening_again_with_other_settings_is_no_error(study: StudyTracker) -> None:
    again = StudyTracker.open(
        study.tracking_uri, study=study.study, lake="lake1", settings={"data.patch_size": "512", "new": "1"}
    )
    run = MlflowClient(study.tracking_uri).get_run(again.run_id)
    assert run.data.params == {"data.patch_size": "256", "new": "1"}


@pytest.mark.slow
def test_it_is_written_while_trials_run(study: StudyTracker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeps.launch.description._PAUSE_S", 0.05)
    with keeping_current(study) as changed:
        for place, (ratio, seed, score) in enumerate((("2", 0, 0.5), ("5", 0, 0.7), ("5", 1, 0.8)), start=1):
            finish(study, ratio, seed, score)
            changed()
            deadline = time.monotonic() + 120
            while f"{place} of 4 trials finished" not in of_parent(study)[0]:
                assert time.monotonic() < deadline
                time.sleep(0.05)
    text, metrics = of_parent(study)
    assert "Best so far: ratio 5" in text.replace("(200 m)", "").replace("pixel-based, ", "")
    assert metrics == {"test_80m/f1/r2 pixel": 0.5, "test_80m/f1/r5 pixel": pytest.approx(0.75)}
    (row,) = list_studies(study.tracking_uri)
    assert row.question == "Does it?", "the description is more than the question now"


def test_again_changes_nothing(study: StudyTracker) -> None:
    finish(study, "2", 0, 0.5)
    for _ in range(3):
        parent_run.write_so_far(study)
    history = MlflowClient(study.tracking_uri).get_metric_history(study.run_id, "test_80m/f1/r2 pixel")
    assert [(point.step, point.value) for point in history] == [(1, 0.5)]


def test_a_server_that_is_away_ends_nothing(study: StudyTracker, caplog: pytest.LogCaptureFixture) -> None:
    away = StudyTracker(tracking_uri="http://127.0.0.1:9", study="s", experiment_id="1", run_id="r")
    started = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sweeps.launch.description._PAUSE_S", 0.2)
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        with keeping_current(away) as changed:
            changed()
    assert time.monotonic() - started < 10


@pytest.mark.slow
def test_the_report_is_said_first_and_found_by_links(study: StudyTracker) -> None:
    row, rows, results = invented.study(DESIGN, lambda labels: 0.6 + 0.02 * int(labels["data.ratio"]))
    row = row.model_copy(update={"experiment_id": study.experiment_id, "run_id": study.run_id})
    report = make_report(collect(row, study.tracking_uri, rows, results))
    write_parent(study, report)
    text, metrics = of_parent(study)
    lines = text.split("\n")
    assert lines[0].startswith("**")
    assert f"(#/experiments/{study.experiment_id}/runs/{study.run_id}/artifacts/report/report.html)" in lines[0]
    assert f"(#/experiments/{study.experiment_id}/runs?workflowType=machine_learning" in lines[0]
    assert lines[2] == f"- {report.answers[0]}"
    assert "| ratio (spacing) |" in text.replace("| task | ratio", "| ratio")
    assert max(line.count("|") for line in lines) == 5, "wide tables push half of the page off the screen"
    assert len(metrics) == 2


@pytest.mark.slow
def test_a_large_study_has_a_description_that_mlflow_keeps() -> None:
    axes = {"task": ("pixel",), "model": tuple(f"network{number:03d}" for number in range(200))}
    design = DESIGN.model_copy(update={"axes": axes, "seeds": (0,), "trials": 200})
    row, rows, _ = invented.study(design, lambda labels: 0.5, n_scenes=2)
    evidence = collect(row, "http://mlflow:5000", rows, {})
    text = description(evidence, ["Best."], scores_table(CellComparison(evidence)), report=True)
    assert len(text) <= TAG_LIMIT
    assert "all cells are in the report" in text
    assert len(means(evidence)) == 200


def test_settings_of_a_study_are_those_that_its_trials_share() -> None:
    specs = [TrialSpec(seed=seed).with_("data.ratio", ratio) for seed, ratio in ((0, 2), (1, 5))]
    shared = shared_settings(specs)
    assert shared["data.patch_size"] == "256"
    assert not {"seed", "data.ratio"} & shared.keys()
    assert script_of("downscale-optuna") == "sweeps/downscale.py"
