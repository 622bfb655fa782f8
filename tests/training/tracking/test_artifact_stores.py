"""Stores of artifacts that cannot be used: what is told, what arrives all the same, and what `sync` sends later."""

import errno
import shutil
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.store.artifact.s3_artifact_repo import _cached_get_s3_client

from sweeps.record.studies import read_files
from sweeps.record.study import StudyTracker
from sweeps.report.write import log_report, read_report
from tests.free_ports import free_ports
from tests.mlflow_server import attempt, fresh_database, study
from tests.waiting import wait_until
from training.spec import TrialSpec
from training.tracking import journal as module
from training.tracking.artifact_stores import check_artifacts
from training.tracking.journal import Journal, Sent, attempts
from training.tracking.mlflow_tracker import MlflowTracker
from training.tracking.records import MetricsRecord, StartRecord
from training.tracking.server import ArtifactStoreError
from training.tracking.sync import sync

STORES = ("no boto3", "dead port", "no keys", "no folder", "full disk")


@pytest.fixture
def broken(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A tracking URI whose experiment `broken` has a store that cannot be used, and what is said of that."""
    _cached_get_s3_client.cache_clear()
    uri, kind = fresh_database(tmp_path), request.param
    folder = tmp_path / "store"
    place, said = "s3://bucket/runs", "pip install boto3"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "MLFLOW_S3_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    if kind == "no boto3":
        without_boto3(monkeypatch)
        said = "import of boto3 halted"
    elif kind == "dead port":
        monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", f"http://127.0.0.1:{free_ports(1)[0]}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    elif kind == "no keys":
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        said = "check AWS_ACCESS_KEY_ID"
    else:
        place, said = folder.as_uri(), "or free its disk"
        if kind == "no folder":
            folder.write_text("a file where a folder should be")
        else:
            for name in ("copyfileobj", "copyfile", "copy2"):
                monkeypatch.setattr(shutil, name, full_disk)
    MlflowClient(uri).create_experiment("broken", artifact_location=place)
    return uri, said


def without_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the import system has it: a None among the modules is one that is not there."""
    monkeypatch.setitem(sys.modules, "boto3", None)


def full_disk(*words: object, **more: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("broken", STORES, indirect=True)
def test_a_study_is_refused_before_its_first_trial(broken: tuple[str, str]) -> None:
    uri, said = broken
    for _ in range(2):
        with pytest.raises(ArtifactStoreError, match=r"the artifact store .* cannot be used from this machine") as told:
            study(uri, "broken")
        assert said in str(told.value)
        assert "\n" not in str(told.value)
    (run,) = MlflowClient(uri).search_runs([MlflowClient(uri).get_experiment_by_name("broken").experiment_id])
    assert run.info.status == "FAILED", "it does not seem to run"
    with pytest.raises(ArtifactStoreError):
        check_artifacts(uri, "broken")


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["no boto3", "no folder"], indirect=True)
def test_metrics_and_the_end_go_first_and_sync_sends_the_rest(
    broken: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    uri, said = broken
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    outbox = tmp_path / "outbox"
    tracker = MlflowTracker(uri, "broken", outbox=outbox, patience_s=2)
    tracker.start(TrialSpec(), {})
    tracker.log_text("a: 1", "spec.yaml")
    tracker.log_metrics({"val/loss": 1.0}, step=0)
    (tmp_path / "map.png").write_bytes(b"x")
    tracker.log_file(tmp_path / "map.png", "maps")
    tracker.log_metrics({"test/f1": 0.5})
    tracker.finish("FINISHED")
    wait_until(lambda: tracker.unsent == 2 and said in caplog.text)
    run = MlflowClient(uri).get_run(tracker.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["data.ratio"] == "2"
    assert len(run.data.metrics) == 2
    assert tracker.unsent == 2
    assert said in caplog.text
    assert "spec.yaml" in caplog.text
    assert "maps/map.png" in caplog.text
    assert "python -m sweeps sync" in caplog.text
    assert "Traceback" not in caplog.text
    (found,) = read_files(uri, [(tracker.run_id, "spec.yaml")]).values()
    assert found.text is None
    assert found.problem


@pytest.mark.slow
def test_sync_sends_what_a_store_refused_when_it_works_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process of the trial has died meanwhile."""
    uri, folder = fresh_database(tmp_path), tmp_path / "store"
    MlflowClient(uri).create_experiment("broken", artifact_location=folder.as_uri())
    folder.write_text("in the way")
    outbox = tmp_path / "outbox"
    first = MlflowTracker(uri, "whole", outbox=tmp_path / "other")  # MLflow loads what it needs: that takes seconds
    first.start(TrialSpec(), {})
    first.finish("FINISHED")
    trackers = []
    for seed in range(2):
        tracker = MlflowTracker(uri, "broken", outbox=outbox, patience_s=4)
        tracker.start(TrialSpec(seed=seed), {})
        tracker.log_text("a: 1", "spec.yaml")
        tracker.log_text("b: 2", "second.yaml")
        tracker.finish("FINISHED")
        trackers.append(tracker)
    held = [tracker._publisher.journal for tracker in trackers if tracker._publisher is not None]
    for journal in held:  # as if the processes had died
        journal._lock.release()
    rows = sync(outbox)
    assert [row.left for row in rows] == [2, 2], "all but the artifacts was sent, now or by the trial"
    assert all("not there yet: " in row.note and "free its disk" in row.note for row in rows), "both were asked"
    folder.unlink()
    rows = sync(outbox)
    assert [(row.sent, row.left, row.note) for row in rows] == [(2, 0, ""), (2, 0, "")]
    assert list(attempts(outbox)) == []
    for tracker in trackers:
        found = read_files(uri, [(tracker.run_id, "second.yaml")])[tracker.run_id, "second.yaml"]
        assert found.text == "b: 2"


def test_a_full_disk_here_is_not_a_server_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri, outbox = fresh_database(tmp_path), tmp_path / "outbox"
    for name in ("a", "b"):
        start = StartRecord(time=1, attempt=name, tracking_uri=uri, experiment="e", trial_id=name, tags={})
        made = Journal.create(outbox, start)
        made.append(MetricsRecord(time=1, step=0, values={"val/loss": 1.0}))
        made.close()
    with monkeypatch.context() as patch:

        def note(self: Journal, sent: Sent) -> None:
            with module.on_disk(self.folder):
                full_disk()

        patch.setattr(Journal, "note", note)
        rows = sync(outbox)
    assert [row.trial_id for row in rows] == ["a", "b"]
    for row in rows:
        assert row.left
        assert "the outbox" in row.note
        assert "No space left on device" in row.note
        assert "MLflow" not in row.note
    assert [row.left for row in sync(outbox)] == [0, 0]


@pytest.mark.parametrize("broken", ["full disk"], indirect=True)
def test_a_report_that_cannot_be_stored_ends_nothing(broken: tuple[str, str], caplog: pytest.LogCaptureFixture) -> None:
    """It is written after all trials, when nothing may be lost any more."""
    uri, said = broken
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("broken").experiment_id
    run = client.create_run(experiment, tags={"kind": "study", "lake": "lake1"})
    parent = StudyTracker(tracking_uri=uri, study="broken", experiment_id=experiment, run_id=run.info.run_id)
    attempt(parent, TrialSpec(), "FINISHED", **{"test_80m/f1": 0.5})
    log_report(parent, read_report(parent))
    assert said in caplog.text
