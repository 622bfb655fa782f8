"""Records in a real MLflow store, sent once and sent again."""

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient

from sweeps.record.study import StudyTracker
from tests.mlflow_server import all_sent, fresh_database
from training.spec import TrialSpec
from training.tracking.delivery import MlflowDelivery
from training.tracking.mlflow_tracker import MlflowTracker
from training.tracking.publisher import METRICS_PER_REQUEST
from training.tracking.records import (
    FinishRecord,
    MetricsRecord,
    ParamsRecord,
    Record,
    StartRecord,
    TagsRecord,
    TextRecord,
)
from training.tracking.server import RequestRefusedError, RunGoneError
from training.tracking.tracker import DatasetNote

START = StartRecord(time=1000, attempt="a1", tracking_uri="", experiment="e", trial_id="t", tags={"trial_id": "t"})


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return fresh_database(tmp_path)


@pytest.mark.slow
def test_records_told_again_change_nothing(uri: str, tmp_path: Path) -> None:
    many = {f"m{number}": float(number) for number in range(METRICS_PER_REQUEST + 5)}
    records: list[Record] = [
        ParamsRecord(values={f"p{number}": str(number) for number in range(150)}),
        MetricsRecord(time=2000, step=3, values=many),
        TagsRecord(time=2000, values={"epochs": "1"}),
        TagsRecord(time=2500, values={"epochs": "2"}),
        TextRecord(name="notes/a.txt", text="\u00e5"),
        FinishRecord(time=3000, status="FAILED"),
    ]
    run_ids = set()
    for _ in range(2):
        deliver = MlflowDelivery(uri)
        run_id = deliver([START], "", tmp_path)
        run_ids |= {run_id, *(deliver([record], run_id, tmp_path) for record in records)}
    (run_id,) = run_ids
    client = MlflowClient(uri)
    run = client.get_run(run_id)
    assert (run.info.status, run.info.start_time, run.info.end_time) == ("FAILED", 1000, 3000)
    assert (len(run.data.params), run.data.metrics, run.data.tags["epochs"]) == (150, many, "2")
    assert [(point.step, point.value) for point in client.get_metric_history(run_id, "m7")] == [(3, 7.0)]
    assert Path(client.download_artifacts(run_id, "notes/a.txt", str(tmp_path))).read_text(encoding="utf-8") == "\u00e5"


def test_what_is_wrong_and_what_is_gone_are_told_apart(uri: str, tmp_path: Path) -> None:
    deliver = MlflowDelivery(uri)
    run_id = deliver([START], "", tmp_path)
    with pytest.raises(RequestRefusedError, match="refused"):
        deliver([MetricsRecord(time=1, step=0, values={"what is % this": 1.0})], run_id, tmp_path)
    with pytest.raises(RunGoneError, match="it was removed"):
        deliver([ParamsRecord(values={"a": "1"})], "f" * 32, tmp_path)
    assert deliver([ParamsRecord(values={"a": "1"})], run_id, tmp_path) == run_id


def test_a_request_that_was_answered_too_late_leaves_no_twin(uri: str) -> None:
    study = StudyTracker.open(uri, study="twin", lake="l")
    tracker = MlflowTracker(uri, "twin")
    tracker.start(TrialSpec(), {})
    assert all_sent(tracker, 60)
    client = MlflowClient(uri)
    attempt = client.get_run(tracker.run_id).data.tags["attempt"]
    twin = client.create_run(study.experiment_id, tags={"attempt": attempt}).info.run_id
    tracker.finish("FINISHED")
    assert client.get_run(twin).info.lifecycle_stage == "deleted"
    assert client.get_run(tracker.run_id).info.lifecycle_stage == "active"
    assert client.get_run(study.run_id).info.lifecycle_stage == "active"


def test_datasets_are_inputs_of_the_run(uri: str) -> None:
    parent = StudyTracker.open(uri, study="datasets", lake="l")
    notes = [
        DatasetNote(
            name="lake",
            url="s3://key:secret@bucket/lake?signature=secret",
            digest="0123456789ab",
            recipe="recipe1",
            context=context,
            scenes=scenes,
            profile={"season": {"winter": scenes}},
        )
        for context, scenes in (("train", 8), ("val", 2), ("test", 2))
    ]  # fmt: skip
    runs = []
    for part in (notes, [notes[0].model_copy(update={"scenes": 4})]):
        tracker = MlflowTracker(parent.tracking_uri, parent.study, parent.run_id)
        tracker.start(TrialSpec(), {})
        for note in [*part, *part]:  # told twice, kept once
            tracker.log_dataset(note)
        tracker.finish("FINISHED")
        runs.append(MlflowClient(parent.tracking_uri).get_run(tracker.run_id))
    inputs = {each.dataset.name: each for each in runs[0].inputs.dataset_inputs}
    assert inputs.keys() == {"lake/train", "lake/val", "lake/test"}
    assert len(runs[0].inputs.dataset_inputs) == 3
    train = inputs["lake/train"]
    assert {tag.key: tag.value for tag in train.tags} == {"mlflow.data.context": "train", "recipe": "recipe1"}
    assert train.dataset.digest.startswith("0123456789ab-")
    assert json.loads(train.dataset.source) == {"uri": "s3://bucket/lake"}
    assert json.loads(train.dataset.profile)["scenes"] == 8
    (smaller,) = runs[1].inputs.dataset_inputs
    assert json.loads(smaller.dataset.profile)["scenes"] == 4, "another choice of scenes is another dataset"
