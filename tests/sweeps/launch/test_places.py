"""What a machine sees of lake, storage, MLflow and clocks, good and bad; nothing of it stays."""

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

import fsspec
import pytest

from datasets.lake import Lake
from datasets.prefixes import sizes
from ingest.recipe import Recipe
from sweeps.launch.finding import Finding
from sweeps.launch.places import check_clocks, check_places, check_storage, check_tracking, clock_finding, marked
from tests.free_ports import free_ports
from tests.mlflow_server import MlflowServer
from tests.object_store import BUCKET, ObjectStore


def levels(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(each.name, each.level) for each in findings]


def test_all_is_well_and_nothing_is_made(tiny_lake: Lake, tmp_path: Path) -> None:
    found = check_places([tiny_lake.url], f"sqlite:///{tmp_path}/new/mlflow.db", str(tmp_path / "results" / "ray"))
    assert levels(found) == [("lake", "ok"), ("storage", "ok"), ("MLflow", "ok"), ("outbox", "ok")]
    assert list(tmp_path.iterdir()) == []


def test_no_lake_and_a_dead_server(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    found = check_places([str(tmp_path / "none")], f"http://127.0.0.1:{port}", str(tmp_path))
    assert levels(found) == [("lake", "error"), ("storage", "ok"), ("MLflow", "error"), ("outbox", "ok")]
    assert "does not answer" in found[2].message


def test_an_empty_lake_is_no_lake_for_a_study(tmp_path: Path) -> None:
    url = str(tmp_path / "lake")
    Lake.create(url, Recipe().to_lake())
    found = check_places([url], f"sqlite:///{tmp_path}/mlflow.db", str(tmp_path))
    assert levels(found)[0] == ("lake", "error")
    assert "has not finished" in found[0].message


def test_a_storage_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (_, storage, *_) = check_places([str(tmp_path)], f"sqlite:///{tmp_path}/x.db", str(tmp_path / "file"))
    assert (storage.name, storage.level) == ("storage", "error")


def test_an_outbox_that_is_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("ICEBENCH_OUTBOX", str(tmp_path / "file"))
    found = check_places([], f"sqlite:///{tmp_path}/x.db", str(tmp_path / "storage"))
    assert levels(found) == [("storage", "ok"), ("MLflow", "ok"), ("outbox", "error")]
    assert "set ICEBENCH_OUTBOX to a folder" in found[-1].message


def test_a_storage_that_overwrites_what_must_be_created_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def careless(url: str, content: bytes) -> bool:
        Path(url).write_bytes(content)
        return True

    monkeypatch.setattr("sweeps.launch.places.create", careless)
    (found,) = check_storage(str(tmp_path))
    assert (found.level, "conditional writes" in found.remedy) == ("error", True)
    assert list(tmp_path.iterdir()) == []


def test_places_that_are_others_on_a_node_are_named(tiny_lake: Lake, tmp_path: Path) -> None:
    """Without a shared disk, each node has a folder of the name, and a database, where the driver never looks."""
    here, there = tmp_path / "here", tmp_path / "there"
    uri, storage = f"sqlite:///{here}/mlflow.db", str(here / "ray")
    with marked(uri, storage) as marks:
        assert "error" not in dict(levels(check_places([tiny_lake.url], uri, storage, marks))).values()
        here.rename(there)  # what a node of another disk sees
        found = [each for each in check_places([tiny_lake.url], uri, storage, marks) if each.level == "error"]
        there.rename(here)
    assert [(each.name, each.message) for each in found] == [
        ("storage", f"{storage} is not the same place there as for the driver of the study"),
        ("MLflow", f"{here} is not the same place there as for the driver of the study"),
    ]
    assert "bucket" in found[0].remedy
    assert "--tracking-uri" in found[1].remedy
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("x")
    with marked("http://mlflow:5000", str(tmp_path / "file")) as marks:
        assert marks == [], "the check of the storage itself says what is wrong with it"


@pytest.mark.slow
def test_a_bucket_with_wrong_keys_and_with_a_reader_s(s3: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"s3://{BUCKET}/doctor"
    (found,) = check_storage(url)
    assert found.level == "ok"
    for user in (("nobody", "x" * 20), s3.reader):
        for name, value in s3.environment(user).items():
            monkeypatch.setenv(name, value)
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        _, storage, *_ = check_places([url], "sqlite:////tmp/none.db", url)
        assert (storage.name, storage.level) == ("storage", "error")
        assert "was refused" in storage.message
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    assert sizes(url) == {}


@pytest.mark.slow
def test_a_server_takes_an_artifact_and_keeps_none(tmp_path: Path) -> None:
    server = MlflowServer(tmp_path)
    server.start()
    try:
        (found,) = check_tracking(server.uri)
        assert (found.level, "artifacts written" in found.message) == ("ok", True)
        assert not [path for path in (tmp_path / "artifacts").rglob("*") if path.is_file()]
        (clock,) = check_clocks([], server.uri)
        assert clock.level == "ok"
    finally:
        server.stop()


@pytest.mark.parametrize(("drift", "level"), [(2.0, "ok"), (-61.0, "warning"), (3600.0, "error")])
def test_clocks(drift: float, level: str) -> None:
    assert clock_finding("x", drift).level == level
    with dated_server(drift) as uri:
        (found,) = check_clocks(["/disk"], uri)
    assert (found.level, found.name) == (level, "clock")


def test_a_server_that_says_no_time_is_left_out() -> None:
    with dated_server(None) as uri:
        assert list(check_clocks([], uri)) == []
    assert list(check_clocks([], f"http://127.0.0.1:{free_ports(1)[0]}")) == []


@contextmanager
def dated_server(drift: float | None) -> Iterator[str]:
    """Answers every HEAD with a refusal and the date of its own clock."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response_only(403)
            if drift is not None:
                self.send_header("Date", formatdate(time.time() + drift, usegmt=True))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
