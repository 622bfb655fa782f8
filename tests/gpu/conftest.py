"""Tests marked `gpu` are skipped where there is no CUDA, and where `python -m tests.gpu` has no time left."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from training.loop.precision import whole_float32

LOG = "ICEBENCH_GPU_TESTS_LOG"
"""File to which each outcome is added as a line of JSON."""

END = "ICEBENCH_GPU_TESTS_END"
"""Time (of `time.time`) at which no further test is started."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="this machine has no CUDA device"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if time.time() > float(os.environ.get(END, "inf")):
        pytest.skip("no time is left for it: python -m tests.gpu --minutes 30")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    counts = report.when == "call" or (report.outcome != "passed" and report.when == "setup")
    if counts and LOG in os.environ:
        said = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else report.longreprtext
        last = (said.strip().splitlines() or [""])[-1] if report.outcome != "passed" else ""
        name = report.nodeid.rpartition("/")[2]
        line = {"test": name, "outcome": report.outcome, "seconds": round(report.duration, 2), "said": last[:300]}
        with Path(os.environ[LOG]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


@pytest.fixture(autouse=True)
def _as_a_trial_computes() -> Iterator[None]:
    with whole_float32():
        yield


@pytest.fixture(scope="session")
def gpu() -> torch.device:
    return torch.device("cuda", torch.cuda.current_device())
