"""A Ray head on free ports with a temporary folder of its own, ended by its pid, and jobs submitted to it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
BIN: Final = Path(sys.executable).parent
PORT_FLAGS: Final = (
    "--port",
    "--dashboard-port",
    "--dashboard-agent-listen-port",
    "--dashboard-agent-grpc-port",
    "--metrics-export-port",
    "--ray-client-server-port",
    "--runtime-env-agent-port",
)


def base_environment() -> dict[str, str]:
    """The environment of a person who has said nothing yet; what keeps tests from each other stays."""
    said = ("AWS_", "ICEBENCH_", "MLFLOW_", "RAY_")
    apart = ("ICEBENCH_CACHE", "ICEBENCH_CACHE_GB", "ICEBENCH_OUTBOX")
    kept = {name: value for name, value in os.environ.items() if name in apart or not name.startswith(said)}
    return {**kept, "PATH": f"{BIN}:{kept['PATH']}", "RAY_AUTH_MODE": "disabled", "MLFLOW_DISABLE_TELEMETRY": "true"}


class RayHead:
    """`ray start --head --block` in a folder, with an environment that its jobs inherit."""

    def __init__(self, folder: Path, environment: dict[str, str], log: Path) -> None:
        self.folder = folder
        self.environment = {**base_environment(), **environment}
        self.log = log
        self.ports = dict(zip(PORT_FLAGS, _free_ports(len(PORT_FLAGS)), strict=True))
        self.address = f"http://127.0.0.1:{self.ports['--dashboard-port']}"
        self._process: subprocess.Popen[bytes] | None = None
        # Ray's sockets live below its temporary folder, and a socket path holds 107 characters.
        self._temporary = Path(tempfile.mkdtemp(prefix="ib-", dir="/tmp"))

    def start(self) -> None:
        """Starts it and waits until its job server answers."""
        command = [str(BIN / "ray"), "start", "--head", "--block", "--node-ip-address=127.0.0.1", "--num-cpus=2"]
        command += [f"--temp-dir={self._temporary}"]
        command += [f"{flag}={port}" for flag, port in self.ports.items()]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self.log.read_text()
            try:
                with urllib.request.urlopen(f"{self.address}/api/jobs/", timeout=2):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.5)
        raise AssertionError(self.log.read_text())

    def submit(self, folder: Path, command: str) -> subprocess.CompletedProcess[str]:
        """Types a command in a folder, with this head as the one that jobs go to."""
        return subprocess.run(
            command.split(),
            cwd=folder,
            env={**base_environment(), "RAY_API_SERVER_ADDRESS": self.address},
            capture_output=True,
            text=True,
            timeout=800,
        )

    def stop(self) -> None:
        """Ends it as Ctrl-C does, with all that it started."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(60)
            self._process = None
        shutil.rmtree(self._temporary, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
