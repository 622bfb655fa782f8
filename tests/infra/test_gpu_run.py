"""`python -m tests.gpu` itself: what fails, dies, hangs or is late hides nothing else; on any machine."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.gpu import __main__ as kit
from tests.gpu.benchmarks.measured import Row
from tests.gpu.conftest import IN_TURN
from tests.gpu.running import HERE, run_tests

CPU = torch.device("cpu")
OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  560.35.03  Release Build  (dvs-builder@U16)"
CLOSED = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024"


class Part:
    """A module of benchmarks."""

    def __init__(self, name: str, measure: Any) -> None:  # noqa: ANN401
        self.__name__, self.measure = f"tests.gpu.benchmarks.{name}", measure


def measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seconds: float, **parts: Any) -> dict[str, Any]:  # noqa: ANN401
    monkeypatch.setattr(kit, "make_bench", lambda folder, device: object())
    monkeypatch.setattr(kit, "PARTS", {"lake": 1, **dict.fromkeys(parts, 1)})
    monkeypatch.setattr(kit, "PATIENCE", seconds)
    monkeypatch.setattr(kit, "_MODULES", tuple(Part(name, measure) for name, measure in parts.items()))
    found: dict[str, Any] = {"rows": [], "parts": [], "tests": [], "cuda": False, "kept": 0}
    kit.benchmarks(tmp_path, CPU, time.time() + 60, found, lambda: found.update(kept=found["kept"] + 1))
    return found


def test_a_part_that_fails_or_is_late_leaves_its_rows_and_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def late(bench: object) -> Iterator[Row]:
        yield Row(what="first", measured="1")
        time.sleep(30)

    def bad(bench: object) -> Iterator[Row]:
        raise ValueError("a bad part\nand more")

    def slow(bench: object) -> Iterator[Row]:
        time.sleep(30)
        yield Row(what="never", measured="1")

    def good(bench: object) -> Iterator[Row]:
        yield Row(what="last", measured="1")

    found = measured(monkeypatch, tmp_path, 1.0, late=late, bad=bad, slow=slow, good=good)
    assert [row["what"] for row in found["rows"]] == ["first", "last"]
    said = {each["part"]: (each["outcome"], each["said"]) for each in found["parts"]}
    assert said["late"] == ("skipped", "its time was over after 1 rows: --minutes 15")
    assert said["slow"][0] == "failed"
    assert said["bad"] == ("failed", "ValueError: a bad part")
    assert said["good"] == ("ran", "")
    assert found["kept"] == 7, "after every row and every part"
    assert kit.is_wrong(found)


def test_what_hangs_below_python_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit, "GRACE_S", 0.1)
    given_up = threading.Event()
    hang = threading.Lock()
    with kit.ended_after(0.0, given_up.set):
        hang.acquire()
        try:
            assert given_up.wait(60)
        except TimeoutError:  # the signal comes first where Python hears it
            assert given_up.wait(60)


@pytest.mark.parametrize(("text", "version"), [(OPEN, "560.35.03"), (CLOSED, "550.54.15"), ("?", "-"), (None, "-")])
def test_the_driver_is_told_without_nvidia_smi(text: str | None, version: str, tmp_path: Path) -> None:
    file = tmp_path / "version"
    if text is not None:
        file.write_text(text)
    assert kit.driver(file) == version


def outcomes_of(folder: Path, code: str) -> dict[str, dict[str, Any]]:
    """What is said of each test in a module with this code, by its name."""
    tests = folder / "tests"
    tests.mkdir()
    (tests / "conftest.py").write_text("from tests.gpu.conftest import *\n")
    (tests / "test_some.py").write_text(code)
    end = time.time() + 600
    return {each["test"].rpartition(":")[2]: each for each in run_tests(folder, end, end, tests=tests)}


@pytest.mark.slow
def test_a_test_that_ends_its_process_fails_alone(tmp_path: Path) -> None:
    found = outcomes_of(
        tmp_path,
        "import os, signal\n"
        "def test_first(): pass\n"
        "def test_dies(): os.kill(os.getpid(), signal.SIGSEGV)\n"
        "def test_fails(): assert False\n"
        "def test_last(): pass\n",
    )
    assert {name: each["outcome"] for name, each in found.items()} == {
        "test_first": "passed",
        "test_dies": "failed",
        "test_fails": "failed",
        "test_last": "passed",
    }
    assert "in it pytest ended with -11" in found["test_dies"]["said"]


@pytest.mark.slow
def test_a_process_that_would_not_end_is_not_waited_for(tmp_path: Path) -> None:
    code = "import threading\ndef test_hangs_at_its_exit(): threading.Thread(target=threading.Event().wait).start()\n"
    found = outcomes_of(tmp_path, code)
    assert {name: (each["outcome"], each["said"]) for name, each in found.items()} == {
        "test_hangs_at_its_exit": ("passed", "")
    }


def test_what_says_most_in_little_time_runs_first() -> None:
    """Compiling takes minutes: behind it nothing else would be run."""
    assert {each.name for each in HERE.glob("test_*.py")} == {*IN_TURN}
    assert IN_TURN[-1] == "test_compiled.py"
