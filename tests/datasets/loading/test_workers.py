"""How many loader workers a trial gets without the option, and how many a machine can have."""

import math
import multiprocessing.util
import re
import subprocess
import sys
from multiprocessing.connection import arbitrary_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.loading import workers as module
from datasets.loading.workers import fitting_workers, loader_workers


@pytest.mark.parametrize(
    ("cpus", "processes", "workers"),
    [
        (0.5, 1, 0),
        (1, 1, 0),
        (1.9, 1, 0),
        (2, 1, 1),
        (4.5, 1, 3),
        (9, 1, 8),
        (64, 1, 8),
        (4, 4, 0),
        (8, 4, 1),
        (16, 4, 3),
        (11, 4, 1),
    ],
)
def test_a_process_keeps_one_cpu_for_itself(cpus: float, processes: int, workers: int) -> None:
    assert loader_workers(cpus, processes) == workers


@given(cpus=st.floats(0.1, 256), processes=st.integers(1, 16))
def test_a_trial_never_starts_more_processes_than_it_has_cpus(cpus: float, processes: int) -> None:
    workers = loader_workers(cpus, processes)
    assert 0 <= workers <= 8
    assert workers == 0 or processes * (1 + workers) <= cpus


LIMITED = """
import resource
from datasets.loading.workers import fitting_workers
resource.setrlimit(resource.RLIMIT_NOFILE, {limits})
print(fitting_workers(8, 100)[0])
"""


@pytest.mark.parametrize(("limits", "number"), [((256, 256), 4), ((64, 64), 0), ((64, 1024), 8)])
def test_workers_keep_to_the_open_files_that_this_user_may_have(limits: tuple[int, int], number: int) -> None:
    code = LIMITED.format(limits=limits)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == number


MB = 10**6


@pytest.mark.parametrize(
    ("room", "files", "batch", "processes", "number", "said"),
    [
        (24e9, 20000, 20 * MB, 1, 8, ""),
        (math.inf, 20000, 20 * MB, 1, 8, ""),
        (64e6, 20000, 20 * MB, 1, 0, "/dev/shm has 64.0 MB free.*--shm-size"),
        (64e6, 20000, 1 * MB, 1, 8, ""),
        (500e6, 20000, 20 * MB, 1, 5, "4 batches of 20.0 MB"),
        (500e6, 20000, 20 * MB, 2, 2, "--shm-size"),
        (0, 20000, 100, 1, 0, "0.0 MB free"),
        (24e9, 256, 20 * MB, 1, 4, "may open 256: allow it more"),
        (24e9, 64, 20 * MB, 1, 0, "ulimit -n"),
        (500e6, 200, 20 * MB, 1, 3, "ulimit -n"),
    ],
)
def test_only_workers_that_can_hand_over_what_they_make(
    monkeypatch: pytest.MonkeyPatch, room: float, files: int, batch: int, processes: int, number: int, said: str
) -> None:
    monkeypatch.setattr(module, "shared_room", lambda: room)
    monkeypatch.setattr(module, "raise_open_files", lambda: files)
    found, reason = fitting_workers(8, batch, processes)
    assert found == number
    assert bool(reason) == bool(said)
    assert re.search(said, reason)


@pytest.mark.parametrize(("length", "number"), [(89, 2), (90, 0)])
def test_the_address_at_which_processes_meet_has_a_longest_length(
    monkeypatch: pytest.MonkeyPatch, length: int, number: int
) -> None:
    monkeypatch.setattr(multiprocessing.util, "get_temp_dir", lambda: "/" + "t" * (length - 1))
    found, reason = fitting_workers(2, 100)
    assert found == number
    assert ("TMPDIR" in reason) == (number == 0)


def test_a_temporary_folder_that_cannot_be_made_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(multiprocessing.util, "get_temp_dir", full)
    assert fitting_workers(2, 100) == (
        0,
        "they meet in a temporary folder, which cannot be made (No space left on device): set TMPDIR to one that can",
    )


@pytest.mark.parametrize("name", ["a", "b" * 60])
def test_the_address_is_the_one_that_python_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(multiprocessing.util, "get_temp_dir", lambda: str(tmp_path / name))
    assert len(arbitrary_address("AF_UNIX")) == len(f"{tmp_path / name}{module._SOCKET}")
