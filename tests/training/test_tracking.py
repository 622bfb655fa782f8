import http.server
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from training.spec import TrialSpec
from training.study import StudyTracker, TrialRow
from training.tracking import MlflowTracker, git_commit
from training.tracking_server import TrackingError, resolve_uri


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One sqlite database for the module: its tables take seconds to make."""
    return f"sqlite:///{tmp_path_factory.mktemp('tracking')}/sub folder/mlflow.db"


def study(uri: str, name: str, lake: str = "lake1") -> StudyTracker:
    return StudyTracker.open(uri, study=name, lake=lake, recipe="recipe1", question="does it?")


def attempt(parent: StudyTracker, spec: TrialSpec, status: str, **metrics: float) -> MlflowTracker:
    tracker = MlflowTracker(parent.tracking_uri, parent.study, parent.run_id)
    tracker.start(spec, {"recipe": "recipe1"})
    tracker.log_metrics(metrics)
    tracker.finish(status)  # type: ignore[arg-type]
    return tracker


def test_a_trial_is_a_child_run_with_params_tags_and_metrics(uri: str) -> None:
    parent = study(uri, "one")
    spec = TrialSpec(seed=7)
    tracker = MlflowTracker(parent.tracking_uri, parent.study, parent.run_id)
    tracker.start(spec, {"recipe": "recipe1", "lake": "lake1"})
    tracker.log_metrics({"val/loss": 2.0, "val/f1": 0.5}, step=0)
    tracker.log_metrics({"val/loss": 1.0, "val/f1": 0.6}, step=1)
    tracker.log_metrics({"test/f1": 0.7})
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
    history = MlflowClient(parent.tracking_uri).get_metric_history(tracker.run_id, "val/loss")
    assert [(metric.step, metric.value) for metric in history] == [(0, 3.0), (1, 2.0), (2, 1.0)]


def test_files_lie_beside_the_database(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    parent = study(uri, "files")
    tracker = MlflowTracker(parent.tracking_uri, parent.study, parent.run_id)
    tracker.start(TrialSpec(), {})
    (tmp_path / "map.png").write_bytes(b"x")
    tracker.log_file(tmp_path / "map.png", "maps")
    tracker.log_text("a: 1", "spec.yaml")
    parent.log_table("a,b", "| a | b |")
    parent.log_figure(tmp_path / "map.png")
    root = Path(parent.tracking_uri.removeprefix("sqlite:///")).parent / "mlartifacts"
    assert (root / tracker.run_id / "artifacts" / "maps" / "map.png").read_bytes() == b"x"
    assert (root / tracker.run_id / "artifacts" / "spec.yaml").read_text() == "a: 1"
    assert sorted(path.name for path in (root / parent.run_id / "artifacts").iterdir()) == [
        "map.png", "table.csv", "table.md",
    ]  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["map.png"], "nothing is left in the working folder"


def test_one_parent_run_per_study_and_lake(uri: str) -> None:
    first = study(uri, "parents")
    first.finish("FAILED")
    again = study(uri, "parents")
    other = study(uri, "parents", lake="lake2")
    assert again.run_id == first.run_id
    assert other.run_id != first.run_id
    assert other.experiment_id == first.experiment_id


def test_a_parent_is_running_while_it_is_open(uri: str) -> None:
    from mlflow import MlflowClient

    parent = study(uri, "status")
    client = MlflowClient(parent.tracking_uri)
    parent.finish("FINISHED")
    assert client.get_run(parent.run_id).info.status == "FINISHED"
    study(uri, "status")
    assert client.get_run(parent.run_id).info.status == "RUNNING"


def test_finished_are_the_newest_finished_attempts_of_this_parent(uri: str) -> None:
    parent, other = study(uri, "done"), study(uri, "done", lake="lake2")
    a, b, c = (TrialSpec(seed=seed) for seed in (1, 2, 3))
    attempt(parent, a, "FAILED")
    attempt(parent, a, "FINISHED", **{"test/f1": 0.1})
    attempt(parent, a, "FINISHED", **{"test/f1": 0.2})
    attempt(parent, b, "FAILED", **{"test/f1": 0.3})
    attempt(other, c, "FINISHED", **{"test/f1": 0.4})
    assert parent.finished() == {a.trial_id: {"test/f1": 0.2}}
    assert other.finished() == {c.trial_id: {"test/f1": 0.4}}
    assert [row.status for row in parent.children_rows()] == ["FAILED", "FINISHED", "FINISHED", "FAILED"]


def test_a_retry_is_a_new_run(uri: str) -> None:
    parent = study(uri, "retry")
    runs = [attempt(parent, TrialSpec(), status).run_id for status in ("FAILED", "FINISHED")]
    assert [row.run_id for row in parent.children_rows()] == runs
    assert len(set(runs)) == 2


def test_all_pages_are_read(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    parent = study(uri, "pages")
    for seed in range(3):
        attempt(parent, TrialSpec(seed=seed), "FINISHED")
    search = MlflowClient.search_runs
    monkeypatch.setattr(
        MlflowClient, "search_runs", lambda self, *args, **more: search(self, *args, **{**more, "max_results": 1})
    )
    assert len(parent.finished()) == 3


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


def test_what_mlflow_refuses_is_one_sentence(uri: str) -> None:
    parent = study(uri, "refused")
    tracker = attempt(parent, TrialSpec(), "FINISHED")
    with pytest.raises(TrackingError, match=r"MLflow at sqlite:///.* failed") as caught:
        tracker.log_metrics({"what is % this": 1.0})
    assert "\n" not in str(caught.value)


def test_a_deleted_experiment_is_named(uri: str) -> None:
    from mlflow import MlflowClient

    parent = study(uri, "gone")
    MlflowClient(parent.tracking_uri).delete_experiment(parent.experiment_id)
    with pytest.raises(TrackingError, match="'gone' was deleted: restore it"):
        study(uri, "gone")


@pytest.mark.parametrize(
    "bad", ["./mlruns", "mlruns", "/data/mlruns", "file:///data/mlruns", "sqlite://", "sqlite:///:memory:", "", "postgresql://user:secret@host/db"]
)  # fmt: skip
def test_only_databases_files_and_servers_are_tracking_uris(bad: str) -> None:
    with pytest.raises(TrackingError, match=r"sqlite:///PATH/mlflow\.db .* http\(s\)://") as caught:
        resolve_uri(bad)
    assert "secret" not in str(caught.value)


def test_a_relative_sqlite_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve_uri("sqlite:///x/m.db") == f"sqlite:///{tmp_path}/x/m.db"
    assert resolve_uri(resolve_uri("sqlite:///x/m.db")) == f"sqlite:///{tmp_path}/x/m.db"
    assert resolve_uri("http://host:5000/") == "http://host:5000"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("these are not runs, but notes")
    with pytest.raises(TrackingError, match=r"notes\.txt' is not a sqlite database"):
        study(f"sqlite:///{tmp_path}/notes.txt", "x")


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


def test_a_server_that_is_away_is_told_within_seconds(sick_server: str) -> None:
    started = time.monotonic()
    with pytest.raises(TrackingError, match=r"http://127\.0\.0\.1:\d+ does not answer \(HTTP 503"):
        study(sick_server, "x")
    with pytest.raises(TrackingError, match="does not answer"):
        MlflowTracker("http://127.0.0.1:9", "x").start(TrialSpec(), {})
    assert time.monotonic() - started < 10


def test_the_commit_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICEBENCH_GIT_COMMIT", "abc")
    assert git_commit() == "abc"
    monkeypatch.delenv("ICEBENCH_GIT_COMMIT")
    monkeypatch.setenv("PATH", "")
    assert git_commit() == "unknown"


def test_specs_and_trackers_import_without_mlflow_and_torch() -> None:
    code = (
        "import sys, training.spec, training.tracking, training.scenes, training.__main__; "
        "print([name for name in ('torch', 'mlflow', 'ray', 'matplotlib') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
