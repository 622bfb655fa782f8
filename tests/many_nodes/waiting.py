"""Waiting for what a program does, no longer than it lives."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")


def wait_for(
    find: Callable[[], Found], process: "subprocess.Popen[bytes]", log: Path, seconds: float = 900, every: float = 0.5
) -> Found:
    """Waits until something is so, and returns what was found; fails with the program's log where that ends first."""
    deadline = time.monotonic() + seconds
    while not (found := find()):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(every)
    return found
