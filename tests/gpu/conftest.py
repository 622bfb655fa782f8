"""Tests marked `gpu` are skipped where there is no CUDA, and where `python -m tests.gpu` has no time left."""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from training.loop.precision import whole_float32

HERE = Path(__file__).parent
LOG = "ICEBENCH_GPU_TESTS_LOG"
"""File to which each outcome is added as a line of JSON."""

END = "ICEBENCH_GPU_TESTS_END"
"""Time (of `time.time`) at which no further test is started."""

RUNNING = "running"
"""Outcome of a test that has begun."""

LOST = 77
"""Exit code where a test has left the GPU unusable for its process, as after an index out of range in a kernel."""


_CODE = pytest.StashKey[int]()

IN_TURN = ("test_batches.py", "test_memory_model.py", "test_trials.py", "test_networks.py", "test_compiled.py")
"""What says most in little time first: compiling takes up to a minute for each network."""


def told(log: Path, test: str, outcome: str, seconds: float = 0.0, said: str = "") -> None:
    """Adds a line to the log."""
    line = {"test": test, "outcome": outcome, "seconds": round(seconds, 2), "said": said[:300]}
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def outcomes(log: Path) -> dict[str, dict[str, Any]]:
    """The last line of every test, by its name."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return {line["test"]: line for line in map(json.loads, lines)}


def name_of(nodeid: str) -> str:
    """A test without its folder."""
    return nodeid.rpartition("/")[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if LOG in os.environ:  # an earlier process may have begun, and died
        known = outcomes(Path(os.environ[LOG]))
        items[:] = [item for item in items if name_of(item.nodeid) not in known]
    items.sort(key=lambda item: IN_TURN.index(item.path.name) if item.path.parent == HERE else -1)
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="this machine has no CUDA device"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if time.time() > float(os.environ.get(END, "inf")):
        pytest.skip("no time is left for it: python -m tests.gpu --minutes 30")


def pytest_runtest_logstart(nodeid: str) -> None:
    if LOG in os.environ:
        told(Path(os.environ[LOG]), name_of(nodeid), RUNNING)


def pytest_runtest_logfinish(nodeid: str) -> None:
    if LOG in os.environ and torch.cuda.is_initialized():
        try:
            torch.cuda.synchronize()
        except RuntimeError:
            pytest.exit(f"{name_of(nodeid)} left the GPU unusable: the others need another process", returncode=LOST)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[_CODE] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends the process: threads of libraries may hang or abort it at its exit, which says nothing of the tests."""
    if LOG in os.environ and _CODE in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[_CODE])


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    counts = report.when == "call" or (report.outcome != "passed" and report.when == "setup")
    if counts and LOG in os.environ:
        said = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else report.longreprtext
        last = (said.strip().splitlines() or [""])[-1] if report.outcome != "passed" else ""
        told(Path(os.environ[LOG]), name_of(report.nodeid), report.outcome, report.duration, last)


@pytest.fixture(autouse=True)
def _as_a_trial_computes() -> Iterator[None]:
    with whole_float32():
        yield


@pytest.fixture(scope="session")
def gpu() -> torch.device:
    return torch.device("cuda", torch.cuda.current_device())
