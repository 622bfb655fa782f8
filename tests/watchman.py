"""A process beside a test run: when the run has ended, it ends whatever the run has left.

Fixtures end what they start, but not in a run that is killed: a Ray head, an MLflow server and what they have started
themselves would go on for ever, without a parent by which anybody could find them. They are found by a variable that
all processes of a run inherit.
"""

import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import psutil

from tests.offspring import lives

MARK: Final = "TEST_RUN"
"""Variable with the name of the run; no prefix of our own variables, which tests take out of environments."""

_LAST_WORDS_S: Final = 10.0
"""Time that a process has between SIGTERM and SIGKILL."""


def watch_this_run() -> None:
    """Starts the watchman, once for all processes of a run."""
    if MARK in os.environ:
        return
    os.environ[MARK] = secrets.token_hex(8)
    silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    words = [sys.executable, "-m", "tests.watchman", str(os.getpid())]
    # A session of its own: a signal to the group of the run does not reach it.
    watchman = subprocess.Popen(words, cwd=Path(__file__).parents[1], start_new_session=True, **silent)
    watchman.returncode = 0  # it outlives the run, which Popen would complain of at the run's end


def _left(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == mark and lives(process):
                found.append(process)
        except psutil.Error:  # of another user, or gone by now
            continue
    return found


def main(run: int) -> None:
    """Waits until its parent, the run, has ended."""
    while os.getppid() == run:
        time.sleep(0.5)
    for how in (signal.SIGTERM, signal.SIGKILL):
        for process in _left(os.environ[MARK]):
            try:
                process.send_signal(how)
            except psutil.NoSuchProcess:
                continue
        deadline = time.monotonic() + _LAST_WORDS_S
        while _left(os.environ[MARK]) and time.monotonic() < deadline:
            time.sleep(0.1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
