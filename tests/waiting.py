"""Waiting for what a thread does, on a machine that may be slow."""

import time
from collections.abc import Callable


def wait_until(so: Callable[[], object], seconds: float = 240) -> None:
    """Waits until something is so; fails where it is not in time."""
    deadline = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < deadline, f"not so within {seconds:g} s"
        time.sleep(0.01)
