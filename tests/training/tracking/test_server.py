"""A tracking server that is away for a while."""

import shlex
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from training.tracking.server import (
    TrackingError,
    check_reachable,
    how_to_open,
    resolve_uri,
    run_address,
    wait_reachable,
    without_secrets,
)


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.mark.slow
def test_a_server_that_comes_back_was_waited_for() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        place = taken.getsockname()
    uri = f"http://{place[0]}:{place[1]}"
    with pytest.raises(TrackingError, match="does not answer"):
        wait_reachable(uri, 0.0)
    servers: list[HTTPServer] = []

    def come_back() -> None:
        servers.append(HTTPServer(place, Healthy))
        servers[0].handle_request()

    later = threading.Timer(0.5, come_back)
    later.start()
    wait_reachable(uri, 60.0)
    later.join()
    servers[0].server_close()


@pytest.mark.parametrize(
    "bad", ["./mlruns", "mlruns", "/data/mlruns", "file:///data/mlruns", "sqlite://", "sqlite:///:memory:", "", "postgresql://user:secret@host/db"]
)  # fmt: skip
def test_only_databases_files_and_servers_are_tracking_uris(bad: str) -> None:
    with pytest.raises(TrackingError, match=r"sqlite:///PATH/mlflow\.db .* http\(s\)://") as caught:
        resolve_uri(bad)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("bad", ["http://", "http://user:secret@host:port", "https://:5000", "http://host:99999"])
def test_an_address_that_is_none_can_never_be_used(bad: str) -> None:
    with pytest.raises(TrackingError, match=r"has no good host and port: write http://HOST:5000") as caught:
        resolve_uri(bad)
    assert "secret" not in str(caught.value)


def test_a_relative_sqlite_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve_uri("sqlite:///x/m.db") == f"sqlite:///{tmp_path}/x/m.db"
    assert resolve_uri(resolve_uri("sqlite:///x/m.db")) == f"sqlite:///{tmp_path}/x/m.db"
    assert resolve_uri("http://host:5000/") == "http://host:5000"


def test_what_is_no_server_of_http_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def greet() -> None:
            peer, _ = other.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(TrackingError, match=r"does not answer \(SSH-2\.0"):
            check_reachable(f"http://127.0.0.1:{other.getsockname()[1]}")
        thread.join()


def test_every_address_opens_the_pages_for_trainings() -> None:
    server = "http://user:secret@host:5000"
    run = "http://host:5000/#/experiments/1/runs/abc?workflowType=machine_learning"
    assert run_address(server, "1", "abc") == run
    assert run_address(server, "1") == (
        "http://host:5000/#/experiments/1/runs?workflowType=machine_learning&viewStateShareKey=study"
    )
    assert how_to_open(server, "1", "abc") == run
    assert run_address("sqlite:////data/m.db", "1", "abc") == ""


def test_the_command_for_a_database_can_be_pasted() -> None:
    said = how_to_open("sqlite:////data/My Drive (1)/m.db", "1", "abc")
    address, _, command = said.partition(" once this runs: ")
    assert address == "http://127.0.0.1:5000/#/experiments/1/runs/abc?workflowType=machine_learning"
    assert shlex.split(command)[-1] == "sqlite:////data/My Drive (1)/m.db"


def test_urls_of_lakes_lose_keys_and_signatures() -> None:
    assert without_secrets("s3://key:secret@bucket/lake?signature=secret#x") == "s3://bucket/lake"
    assert without_secrets("/data/lake") == "/data/lake"
