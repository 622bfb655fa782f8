"""`infra/ray/wake.py`: asks for a worker with a GPU, waits, takes the request back; on a real head once."""

import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from cluster_files import INFRA

SCRIPT = INFRA / "ray" / "wake.py"
RAY = Path(sys.executable).with_name("ray")


@pytest.fixture
def wake(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[float]], tuple[int, list[Any]]]:
    """Runs the script's main on a cluster that has these GPUs at each look; gives exit code and requests."""

    def run(gpus: list[float]) -> tuple[int, list[Any]]:
        script = runpy.run_path(str(SCRIPT))
        names, requests, looks = script["main"].__globals__, [], iter(gpus)
        monkeypatch.setattr(ray, "init", lambda **options: None)
        monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 8.0, "GPU": next(looks)})
        monkeypatch.setitem(names, "request_resources", lambda bundles: requests.append(bundles))
        monkeypatch.setitem(names, "PATIENCE_S", 0.5)
        monkeypatch.setattr(time, "sleep", lambda seconds: monkeypatch.setitem(names, "PATIENCE_S", 0.5))
        return script["main"](), requests

    return run


def test_it_asks_waits_and_takes_the_request_back(
    wake: Callable[[list[float]], tuple[int, list[Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert wake([0, 0, 1]) == (0, [[{"GPU": 1}], []])
    assert "submit the study" in capsys.readouterr().out


def test_patience_ends_with_a_sentence_and_no_request_is_left(
    wake: Callable[[list[float]], tuple[int, list[Any]]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter([0.0, 0.1, 1.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    assert wake([0, 0, 0]) == (1, [[{"GPU": 1}], []])
    assert "`ray status` says what the autoscaler tried" in capsys.readouterr().err


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture
def start() -> Iterator[Callable[..., None]]:
    """Starts nodes of one cluster as processes, and ends them by their pid."""
    folder = Path(subprocess.check_output(["mktemp", "-d", "/tmp/ib-XXXX"], text=True).strip())  # sockets lie below it
    started: list[subprocess.Popen[bytes]] = []

    def node(*words: str, environment: dict[str, str]) -> None:
        agent, grpc, metrics, runtime_env = free_ports(4)
        ports = [f"--dashboard-agent-listen-port={agent}", f"--dashboard-agent-grpc-port={grpc}"]
        ports += [f"--metrics-export-port={metrics}", f"--runtime-env-agent-port={runtime_env}"]
        with (folder / f"node-{len(started)}.log").open("wb") as log:
            command = [RAY, "start", "--block", "--num-cpus=1", *ports, *words]
            if "--head" in words:
                command += [f"--temp-dir={folder}", "--include-dashboard=false"]
            started.append(subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT))
        deadline = time.monotonic() + 100
        while "Ray runtime started" not in (text := Path(log.name).read_text()):
            assert started[-1].poll() is None, text
            assert time.monotonic() < deadline, text
            time.sleep(0.2)

    yield node
    for process in reversed(started):
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.timeout(290)
def test_on_a_real_cluster_it_waits_for_the_worker(start: Callable[..., None], tmp_path: Path) -> None:
    """The test is the autoscaler: it starts the worker (with a fake GPU) when the script has asked."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment["RAY_AUTH_MODE"] = "disabled"
    (port, client) = free_ports(2)
    start("--head", f"--port={port}", f"--ray-client-server-port={client}", "--num-gpus=0", environment=environment)
    with (tmp_path / "wake.log").open("wb") as log:
        script = subprocess.Popen(
            [sys.executable, SCRIPT],
            env=environment | {"RAY_ADDRESS": f"127.0.0.1:{port}"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            script.wait(5)
        start(f"--address=127.0.0.1:{port}", "--num-gpus=1", environment=environment)
        assert script.wait(100) == 0, (tmp_path / "wake.log").read_text()
    finally:
        script.kill()
    assert "a worker with a GPU is there" in (tmp_path / "wake.log").read_text()
