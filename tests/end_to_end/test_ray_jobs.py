"""The two forms of `ray job submit`, against heads that this test starts on free ports and ends by their pid."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from datasets.lake import Lake

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

Head = Callable[[Path, dict[str, str]], str]


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture
def start_head(tmp_path: Path) -> Iterator[Head]:
    """Starts a Ray head in a folder with an environment; gives the address of its job server."""
    started: list[subprocess.Popen[bytes]] = []
    # Ray's sockets live below its temporary folder, and a socket path holds 107 characters.
    short = Path(subprocess.check_output(["mktemp", "-d", "/tmp/ib-XXXX"], text=True).strip())

    def start(folder: Path, environment: dict[str, str]) -> str:
        head, dashboard, agent, grpc, metrics, client, runtime_env = free_ports(7)
        command = [str(BIN / "ray"), "start", "--head", "--block", f"--temp-dir={short}", "--num-cpus=2"]
        command += [f"--port={head}", f"--dashboard-port={dashboard}", f"--dashboard-agent-listen-port={agent}"]
        command += [f"--dashboard-agent-grpc-port={grpc}", f"--metrics-export-port={metrics}"]
        command += [f"--ray-client-server-port={client}", f"--runtime-env-agent-port={runtime_env}"]
        with (tmp_path / "head.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env={**base_environment(), **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(process)
        address = f"http://127.0.0.1:{dashboard}"
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            assert process.poll() is None, (tmp_path / "head.log").read_text()
            try:
                with urllib.request.urlopen(f"{address}/api/jobs/", timeout=2):
                    return address
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.5)
        raise AssertionError((tmp_path / "head.log").read_text())

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    shutil.rmtree(short, ignore_errors=True)


def base_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "ICEBENCH_", "MLFLOW_"))}
    return {**kept, "PATH": f"{BIN}:{kept['PATH']}", "RAY_AUTH_MODE": "disabled", "MLFLOW_DISABLE_TELEMETRY": "true"}


def submit(address: str, folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command.split(),
        cwd=folder,
        env={**base_environment(), "RAY_API_SERVER_ADDRESS": address},
        capture_output=True,
        text=True,
        timeout=800,
    )


def finished_ratios(folder: Path) -> list[str]:
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name("downscale-smoke")
    assert experiment is not None
    children = client.search_runs([experiment.experiment_id], filter_string="tags.kind = 'trial'")
    return sorted(run.data.params["data.ratio"] for run in children if run.info.status == "FINISHED")


def test_typed_literally_at_a_head_that_stands_in_the_project(
    start_head: Head, tiny_lake: Lake, tmp_path: Path
) -> None:
    """`ray job submit sweeps/downscale.py`: where things are comes from the environment of the head."""
    places = {
        "ICEBENCH_LAKE": tiny_lake.url,
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db",
        "ICEBENCH_STORAGE": str(tmp_path / "ray"),
        "ICEBENCH_SMOKE": "1",
        "ICEBENCH_TASK": "pixel",
    }
    address = start_head(ROOT, places)
    done = submit(address, tmp_path, "ray job submit sweeps/downscale.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert finished_ratios(tmp_path) == ["10"] * 3 + ["2"] * 3 + ["5"] * 3
    assert "2 (80 m)" in done.stdout


def test_a_head_without_the_code_gets_it_with_the_job(start_head: Head, tiny_lake: Lake, tmp_path: Path) -> None:
    """`ray job submit --working-dir . -- python sweeps/downscale.py`, to nodes where the project is not installed."""
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text(
        "import sys\nsys.meta_path = [f for f in sys.meta_path if '__editable__' not in getattr(f, '__module__', '')]\n"
    )
    address = start_head(tmp_path, {"PYTHONPATH": str(blocked)})
    words = "ray job submit --working-dir . -- python sweeps/downscale.py --smoke --task pixel --seeds 1"
    words = f"{words} --only data.ratio=10"
    places = f"--lake {tiny_lake.url} --storage {tmp_path}/ray"
    lost = submit(address, ROOT, f"{words} {places} --tracking-uri sqlite:///results/mlflow.db")
    assert lost.returncode != 0
    assert "lies in the temporary folder of this job" in lost.stdout
    done = submit(address, ROOT, f"{words} {places} --tracking-uri sqlite:///{tmp_path}/mlflow.db")
    assert done.returncode == 0, done.stdout + done.stderr
    assert finished_ratios(tmp_path) == ["10"]
