"""A Ray head on free ports with a temporary folder of its own, more nodes of it, and jobs submitted to it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from infra.platform.services import HEAD_PORTS, NODE_PORTS, ray_words
from tests.free_ports import free_ports

ROOT: Final = Path(__file__).parents[2]
BIN: Final = Path(sys.executable).parent


def base_environment() -> dict[str, str]:
    """The environment without our variables, except those that keep tests apart."""
    said = ("AWS_", "ICEBENCH_", "MLFLOW_", "RAY_")
    apart = ("ICEBENCH_CACHE", "ICEBENCH_CACHE_GB", "ICEBENCH_OUTBOX")
    kept = {name: value for name, value in os.environ.items() if name in apart or not name.startswith(said)}
    return {**kept, "PATH": f"{BIN}:{kept['PATH']}", "RAY_AUTH_MODE": "disabled", "MLFLOW_DISABLE_TELEMETRY": "true"}


class RayHead:
    """`ray start --head --block` in a folder, with an environment that its jobs inherit; ended by its pid."""

    def __init__(self, folder: Path, environment: dict[str, str], log: Path, *, cpus: int = 2) -> None:
        self.folder = folder
        self.environment = {**base_environment(), **environment}
        self.log = log
        self.cpus = cpus
        self.ports = _ports(HEAD_PORTS)
        self.address = f"http://127.0.0.1:{self.ports['dashboard-port']}"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._folders: list[Path] = []

    def start(self) -> None:
        """Starts it and waits until its job server answers."""
        self._start(self.ports, self.log, cpus=self.cpus)
        self._wait("jobs/", lambda answer: True)

    def add_node(self, *, cpus: int = 2) -> None:
        """One more node of the same environment; waits until the head knows it."""
        log = self.log.with_suffix(".node.log")
        self._start(_ports(NODE_PORTS), log, cpus=cpus, head=f"127.0.0.1:{self.ports['port']}")
        self._wait("v0/nodes", lambda answer: len(json.loads(answer)["data"]["result"]["result"]) > 1)

    def _start(self, ports: dict[str, int], log: Path, *, cpus: int, head: str = "") -> None:
        # Each has a temporary folder of its own, as on a machine of its own: in a common one the second to unpack a job
        # removes what the first unpacked. Sockets live below it, and a socket path holds 107 characters.
        self._folders.append(Path(tempfile.mkdtemp(prefix="ib-", dir="/tmp")))
        command = ray_words(str(self._folders[-1]), ports, head=head, cpus=cpus)
        with log.open("wb") as file:
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=file, stderr=file, start_new_session=True
            )
        self._processes.append(process)

    def _wait(self, page: str, done: Callable[[bytes], bool]) -> None:
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            assert all(process.poll() is None for process in self._processes), self.log.read_text()
            try:
                with urllib.request.urlopen(f"{self.address}/api/{page}", timeout=30) as got:
                    if done(got.read()):
                        return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                pass  # it is not up yet
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
        """Ends its nodes and then itself as Ctrl-C does, with all that they started."""
        while self._processes:
            process = self._processes.pop()
            process.send_signal(signal.SIGTERM)
            process.wait(240)
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)


def _ports(flags: Sequence[str]) -> dict[str, int]:
    return dict(zip(flags, free_ports(len(flags)), strict=True))
