"""Costs of finished runs, read without MLflow's client from what MLflow's client wrote."""

import base64
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mlflow_server import MlflowServer, fresh_database
from training.spec import TrialSpec
from training.tracking.mlflow_tracker import MlflowTracker
from training.tracking.past_runs import PastRun, past_runs
from training.tracking.run_content import params_of
from training.tracking.server import TrackingError

COST = {"cost/seconds": 60.0, "cost/gpu_hours": 0.5, "test/f1": 0.25}


def leave_runs(uri: str) -> None:
    for seed, (status, metrics) in enumerate(
        [("FINISHED", COST), ("FAILED", COST), ("FINISHED", {"test/f1": 0.5}), ("FINISHED", COST)]
    ):
        tracker = MlflowTracker(uri, "s")
        tracker.start(TrialSpec(seed=seed), {"lake": "lake1"})
        tracker.log_metrics(metrics)
        tracker.finish(status)  # type: ignore[arg-type]
    scored = MlflowTracker(uri, "s")
    scored.start(TrialSpec(seed=9), {"kind": "evaluation"})
    scored.log_metrics(COST)
    scored.finish("FINISHED")


def check(found: list[PastRun]) -> None:
    assert [run.params for run in found] == [params_of(TrialSpec(seed=seed)) for seed in (3, 0)], "the newest first"
    assert [run.cost for run in found] == [{"seconds": 60.0, "gpu_hours": 0.5}] * 2
    assert {run.tags["lake"] for run in found} == {"lake1"}


def test_finished_runs_with_a_cost_in_a_database(tmp_path: Path) -> None:
    uri = fresh_database(tmp_path)
    leave_runs(uri)
    check(past_runs(uri))


@pytest.mark.slow
def test_finished_runs_with_a_cost_on_a_server(tmp_path: Path) -> None:
    server = MlflowServer(tmp_path)
    server.start()
    try:
        leave_runs(server.uri)
        check(past_runs(server.uri))
    finally:
        server.kill()


def test_what_is_not_there_is_said_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    with pytest.raises(TrackingError, match="there is no database"):
        past_runs(f"sqlite:///{path}")
    assert not path.exists()
    path.write_bytes(b"SQLite format 3\x00" + b"torn" * 100)
    with pytest.raises(TrackingError, match="cannot be read as a database of MLflow"):
        past_runs(f"sqlite:///{path}")
    with pytest.raises(TrackingError, match="does not answer"):
        past_runs("http://127.0.0.1:9")


@pytest.fixture
def doors() -> Iterator[tuple[str, list[str]]]:
    """A server that lets nobody in but `ann`, and what it was shown."""
    shown: list[str] = []
    right = "Basic " + base64.b64encode(b"ann:secret").decode()

    class Door(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            shown.append(self.headers.get("Authorization", ""))
            body = json.dumps({"experiments": []}).encode()
            self.send_response(200 if shown[-1] == right else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}", shown
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_logs_in_as_the_clients_of_mlflow_do(
    doors: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, _ = doors
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(TrackingError, match="HTTP 401"):
        past_runs(f"http://{place}")
    assert past_runs(f"http://ann:secret@{place}") == []
    (tmp_path / ".mlflow").mkdir()
    (tmp_path / ".mlflow" / "credentials").write_text(
        "[mlflow]\nmlflow_tracking_username = ann\nmlflow_tracking_password = secret\n"
    )
    assert past_runs(f"http://{place}") == []
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "wrong")
    with pytest.raises(TrackingError, match="HTTP 401") as caught:
        past_runs(f"http://ann:wrong@{place}")
    assert "wrong" not in str(caught.value)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t")
    with pytest.raises(TrackingError, match="HTTP 401"):
        past_runs(f"http://ann:secret@{place}")
    assert doors[1][-1] == "Bearer t"
