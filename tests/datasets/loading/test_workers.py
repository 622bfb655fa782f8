"""How many loader workers a trial gets without the option."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.loading.workers import loader_workers, usable_cpus


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


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux binds processes to CPUs")
def test_a_process_that_is_bound_to_one_cpu_has_one() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert usable_cpus() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert usable_cpus() == len(before)
