import http.server
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from datasets.process.checkout import git_commit
from sweeps.record.study import TrialRow
from tests.mlflow_server import all_sent, attempt, study
from tests.waiting import wait_until
from training.spec import TrialSpec
from training.tracking.mlflow_tracker import MlflowTracker
from training.tracking.outbox import OutboxError
from training.tracking.server import TrackingError
from training.tracking.sync import sync


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One sqlite database for the module: its tables take seconds to make."""
    return f"sqlite:///{tmp_path_factory.mktemp('tracking')}/sub folder/mlflow.db"


@pytest.mark.slow
def test_a_trial_is_a_child_run_with_params_tags_and_metrics(uri: str) -> None:
    parent = study(uri, "one")
    spec = TrialSpec(seed=7)
    tracker = MlflowTracker(parent.tracking_uri, parent.study, parent.run_id)
    tracker.start(spec, {"recipe": "recipe1", "lake": "lake1"})
    tracker.log_metrics({"val/loss": 2.0, "val/f1": 0.5}, step=0)
    tracker.log_metrics({"val/loss": 1.0, "val/f1": 0.6}, step=1)
    tracker.log_metrics({"test/f1": 0.7})
    assert all_sent(tracker, 30)
    assert parent.children_rows()[0].status == "RUNNING"
    tracker.finish("FINISHED")
    (row,) = parent.children_rows()
    assert isinstance(row, TrialRow)
    assert (row.trial_id, row.run_id, row.status) == (spec.trial_id, tracker.run_id, "FINISHED")
    assert row.params["data.ratio"] == "2"
    assert row.params.keys() == spec.flat().keys()
    assert row.metrics == {"val/loss": 1.0, "val/f1": 0.6, "test/f1": 0.7}
    assert {name: row.tags[name] for name in ("trial_id", "study", "seed", "recipe", "lake")} == {
        "trial_id": spec.trial_id,
        "study": "one",
        "seed": "7",
        "recipe": "recipe1",
        "lake": "lake1",
    }
    assert row.tags["git_commit"] == git_commit()


def test_every_epoch_stays_readable(uri: str) -> None:
    from mlflow import MlflowClient

    parent = study(uri, "history")
    tracker = MlflowTracker(parent.tracking_uri, parent.study, parent.run_id)
    tracker.start(TrialSpec(), {})
    for epoch in range(3):
        tracker.log_metrics({"val/loss": 3.0 - epoch}, step=epoch)
    tracker.finish("FINISHED")
    history = MlflowClient(parent.tracking_uri).get_metric_history(tracker.run_id, "val/loss")
    assert [(metric.step, metric.value) for metric in history] == [(0, 3.0), (1, 2.0), (2, 1.0)]


def test_files_lie_beside_the_database(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    parent = study(uri, "files")
    tracker = MlflowTracker(parent.tracking_uri, parent.study, parent.run_id)
    tracker.start(TrialSpec(), {})
    (tmp_path / "map.png").write_bytes(b"x")
    tracker.log_file(tmp_path / "map.png", "maps")
    (tmp_path / "map.png").write_bytes(b"changed afterwards")
    tracker.log_text("a: 1", "spec.yaml")
    tracker.finish("FINISHED")
    kept = tmp_path / "kept"
    kept.mkdir()
    (tmp_path / "map.png").rename(kept / "map.png")
    parent.log_table("a,b", "| a | b |")
    parent.log_folder(kept, "report")
    root = Path(parent.tracking_uri.removeprefix("sqlite:///")).parent / "mlartifacts"
    assert (root / tracker.run_id / "artifacts" / "maps" / "map.png").read_bytes() == b"x"
    assert (root / tracker.run_id / "artifacts" / "spec.yaml").read_text() == "a: 1"
    assert sorted(path.name for path in (root / parent.run_id / "artifacts").iterdir()) == [
        "question.txt", "report", "table.csv", "table.md",
    ]  # fmt: skip
    assert (root / parent.run_id / "artifacts" / "report" / "map.png").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["kept"], "nothing is left in the working folder"


def test_a_param_too_long_for_mlflow_is_cut(uri: str) -> None:
    parent = study(uri, "long")
    attempt(parent, TrialSpec().with_("model.params.note", "x" * 7000), "FINISHED")
    (row,) = parent.children_rows()
    assert len(row.params["model.params.note"]) == 6000
    assert row.params["model.params.note"].endswith("...")


def test_a_trial_without_study_has_no_parent(uri: str) -> None:
    from mlflow import MlflowClient

    tracker = MlflowTracker(uri, "alone")
    tracker.start(TrialSpec(), {})
    tracker.finish("FINISHED")
    assert "mlflow.parentRunId" not in MlflowClient(tracker.tracking_uri).get_run(tracker.run_id).data.tags


def test_a_tracker_that_was_not_started_says_so(uri: str) -> None:
    with pytest.raises(TrackingError, match=r"call start\(spec, tags\) first"):
        MlflowTracker(uri, "x").log_metrics({"a": 1.0})


def test_a_tracker_that_has_ended_says_so(uri: str) -> None:
    tracker = attempt(study(uri, "ended"), TrialSpec(), "FINISHED")
    with pytest.raises(TrackingError, match=r"run has ended: call start\(spec, tags\)"):
        tracker.log_metrics({"a": 1.0})


def test_a_tracker_that_is_not_started_can_be_sent_to_another_process(uri: str) -> None:
    tracker = pickle.loads(pickle.dumps(MlflowTracker(uri, "sent", patience_s=7)))
    assert (tracker.experiment, tracker.patience_s) == ("sent", 7)


def test_what_mlflow_refuses_is_kept_and_the_rest_goes_on(
    uri: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parent = study(uri, "refused")
    tracker = MlflowTracker(parent.tracking_uri, parent.study, parent.run_id, outbox=tmp_path)
    tracker.start(TrialSpec(), {})
    tracker.log_metrics({"good": 1.0}, step=0)
    tracker.log_metrics({"what is % this": 1.0}, step=1)
    tracker.log_metrics({"good": 2.0}, step=2)
    tracker.finish("FINISHED")
    (row,) = parent.children_rows()
    assert (row.status, row.metrics) == ("FINISHED", {"good": 2.0})
    assert "one record of the trial is not in MLflow: MLflow at sqlite:///" in caplog.text
    (left,) = sync(tmp_path)
    assert (left.sent, left.left) == (0, 1)
    assert left.note.startswith("refused: MLflow at sqlite:///")
    assert "what is % this" in left.note


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("these are not runs, but notes")
    with pytest.raises(TrackingError, match=r"notes\.txt' is not a sqlite database"):
        study(f"sqlite:///{tmp_path}/notes.txt", "x")
    with pytest.raises(TrackingError, match=r"notes\.txt' is not a sqlite database"):
        MlflowTracker(f"sqlite:///{tmp_path}/notes.txt", "x")


class _Sick(http.server.BaseHTTPRequestHandler):
    """A proxy whose MLflow is down."""

    def do_GET(self) -> None:
        self.send_response(503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def sick_server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Sick) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://user:secret@127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_study_without_its_server_is_told_within_seconds(sick_server: str) -> None:
    started = time.monotonic()
    with pytest.raises(TrackingError, match=r"http://127\.0\.0\.1:\d+ does not answer \(HTTP 503") as caught:
        study(sick_server, "x")
    assert "secret" not in str(caught.value)
    assert time.monotonic() - started < 10


@pytest.mark.slow
def test_a_trial_without_its_server_goes_on_and_keeps_everything(
    sick_server: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = MlflowTracker(sick_server, "x", outbox=tmp_path / "outbox", patience_s=0.5)
    tracker.start(TrialSpec(), {})
    times = []
    for epoch in range(200):
        started = time.perf_counter()
        tracker.log_metrics({f"val/{k}": 1.0 for k in range(10)}, step=epoch)
        times.append(time.perf_counter() - started)
    assert sorted(times)[100] < 1e-3, "the caller must not wait for the network"
    said = "the trial goes on, and what it reports waits in"
    wait_until(lambda: said in caplog.text)  # the first record takes as long as MLflow takes to load
    started = time.monotonic()
    tracker.finish("FINISHED")
    assert 0.4 < time.monotonic() - started < 5
    assert tracker.run_id == ""
    assert caplog.text.count(said) == 1, "once an outage"
    assert "203 records of trial" in caplog.text
    assert f"`python -m sweeps sync --outbox {tmp_path / 'outbox'}`" in caplog.text
    (folder,) = (tmp_path / "outbox").iterdir()
    written = caplog.text + "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
    assert "http://127.0.0.1" in written
    assert "secret" not in written


def test_an_outbox_that_cannot_be_written_is_named_before_the_trial_starts(uri: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutboxError, match=r"cannot be written .*set ICEBENCH_OUTBOX"):
        MlflowTracker(uri, "x", outbox=tmp_path / "file").start(TrialSpec(), {})


def test_specs_and_trackers_import_without_mlflow_and_torch() -> None:
    code = (
        "import sys, training.spec, training.tracking.mlflow_tracker, training.tracking.sync, sweeps.record.study; "
        "import training.data.trial_scenes, training.__main__; "
        "print([name for name in ('torch', 'mlflow', 'ray', 'matplotlib') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
