"""The tests of a folder, run in a process of their own: one that dies or does not end costs no other its outcome."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import pytest

from tests.gpu.conftest import END, LOG, LOST, RUNNING, outcomes, told

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
STARTS: Final = 5
"""Of processes, where tests end theirs."""


def run_tests(
    folder: Path, last_start: float, end: float, found: list[dict[str, Any]] | None = None, tests: Path = HERE
) -> list[dict[str, Any]]:
    """Outcomes of the tests of a folder, in a process of their own, and in another one for the rest if that dies.

    They are put into `found`, whatever happens.
    """
    log, said, found = folder / "tests.jsonl", "", [] if found is None else found
    try:
        said = _until_all_have_run(log, last_start, end, tests)
    finally:
        failed = {"test": "all", "outcome": "failed", "seconds": 0, "said": said}
        found[:] = [*outcomes(log).values(), *([failed] if said else [])]
    return found


def _until_all_have_run(log: Path, last_start: float, end: float, tests: Path) -> str:
    """What is to be said that is of no single test."""
    said = ""
    for _ in range(STARTS):
        code, said = _pytest(log, last_start, end, tests)
        for line in outcomes(log).values():
            if line["outcome"] == RUNNING:
                told(log, line["test"], "failed", said=f"in it {said}")
                said = ""
        if code in (0, 1, pytest.ExitCode.NO_TESTS_COLLECTED) or time.time() > last_start:
            break
        if code > 0 and code != LOST:  # no test was run
            break
    return said


def _pytest(log: Path, last_start: float, end: float, tests: Path) -> tuple[int, str]:
    """Exit code of one process for tests, and what is to be said of it."""
    config = ROOT / "pyproject.toml"
    words = (
        ["-c", str(config)] if config.exists() else ["-o", "markers=gpu: needs a CUDA device", "--rootdir", str(ROOT)]
    )
    command = [sys.executable, "-m", "pytest", str(tests), "-q", "-p", "no:cacheprovider"]
    command += ["--import-mode=importlib", "--confcutdir", str(ROOT), *words]
    # A folder of its own: in the one that all runs share, a run would delete at its end what older ones have left.
    command += [f"--basetemp={log.parent / 'pytest'}"]
    environment = {**os.environ, LOG: str(log), END: str(last_start)}
    with (log.parent / "pytest.txt").open("w+", encoding="utf-8") as heard:
        # Into a file, since what it leaves running would hold a pipe open; and in a session, which is ended as a whole.
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=heard, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = process.wait(timeout=max(end - time.time(), 1))
        except subprocess.TimeoutExpired:
            return -signal.SIGKILL, "the tests were ended: their time was over"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        heard.seek(0)
        last = " ".join(heard.read().split())[-300:]
    if code in (0, 1, pytest.ExitCode.NO_TESTS_COLLECTED, LOST):
        return code, ""
    return code, f"pytest ended with {code}: {last}"
