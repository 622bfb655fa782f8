"""Every process that a test starts, however it detaches itself: it stays a descendant of the test."""

import ctypes
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import psutil

_PR_SET_CHILD_SUBREAPER: Final = 36  # linux/prctl.h


@contextmanager
def watched_offspring() -> Iterator[Callable[[], list[psutil.Process]]]:
    """Adopts orphans for its time; yields a function that lists the living descendants that were not there before.

    Without this, a daemon whose parent ended would belong to process 1, and nobody could tell whose it was.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    me = psutil.Process()
    before = set(me.children(recursive=True))
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "this kernel lets no process adopt orphans")

    def living() -> list[psutil.Process]:
        return [process for process in me.children(recursive=True) if process not in before and lives(process)]

    try:
        yield living
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def wait_until_gone(living: Callable[[], list[psutil.Process]], seconds: float) -> list[str]:
    """Command lines of those that still live after `seconds`."""
    deadline = time.monotonic() + seconds
    while living() and time.monotonic() < deadline:
        time.sleep(0.2)
    return [_words(process) for process in living()]


def lives(process: psutil.Process) -> bool:
    """Whether it runs: one that has ended stays listed until its parent asks how."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _words(process: psutil.Process) -> str:
    try:
        return f"{process.pid}: {' '.join(process.cmdline())}"
    except psutil.NoSuchProcess:
        return f"{process.pid}: ended just now"
