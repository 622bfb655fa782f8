"""What a process may use of its machine, not what the machine has."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from datasets.process import machine
from datasets.process.machine import open_files, peak_memory, shared_room, usable_cores, usable_memory


@pytest.mark.parametrize(("limit", "cores"), [(0.5, 1), (1.9, 1), (2.0, 2), (1e9, 64)])
def test_a_container_with_some_of_the_cores_has_these(
    monkeypatch: pytest.MonkeyPatch, limit: float, cores: int
) -> None:
    monkeypatch.setattr(os, "process_cpu_count", lambda: 64, raising=False)
    monkeypatch.setattr(machine, "cpu_limit", lambda: limit)
    assert usable_cores() == cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux binds processes to CPUs")
def test_a_process_that_is_bound_to_one_core_has_one() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_memory_is_that_of_the_container(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = usable_memory()
    assert whole > 1 << 28
    monkeypatch.setattr(machine, "memory_limit", lambda: 1 << 28)
    assert usable_memory() == 1 << 28


def test_shared_memory_that_cannot_be_used_has_no_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(machine, "SHARED", tmp_path)
    assert shared_room() > 0
    monkeypatch.setattr(machine, "SHARED", tmp_path / "none")
    assert shared_room() == 0


LIMITS = """
import resource
from datasets.process.machine import open_files, raise_open_files
resource.setrlimit(resource.RLIMIT_NOFILE, {limits})
print(open_files(), raise_open_files(), open_files())
"""


@pytest.mark.parametrize(("limits", "answer"), [((128, 512), "128 512 512"), ((256, 256), "256 256 256")])
def test_the_limit_of_open_files_is_raised_to_what_is_allowed(limits: tuple[int, int], answer: str) -> None:
    code = LIMITS.format(limits=limits)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == answer


def test_some_files_may_be_open_here() -> None:
    assert open_files() >= 64


def test_the_memory_of_who_started_a_process_is_not_its_own() -> None:
    large = bytearray(b"x" * 400_000_000)
    code = "from datasets.process.machine import peak_memory; print(peak_memory())"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(done.stdout) < len(large) < peak_memory()
