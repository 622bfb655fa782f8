"""Waiting for what a program does, no longer than it lives."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def wait_for(done: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Path, seconds: float = 400) -> None:
    """Waits until something is so; fails with the program's log where that ends first."""
    deadline = time.monotonic() + seconds
    while not done():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.5)
