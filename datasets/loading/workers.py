"""How many processes read patches ahead of one that trains. Imports no torch, so that planning a trial can use it."""

import os
from typing import Final

MOST_WORKERS: Final = 8
"""Each makes some hundred patches per second from chunks, and thousands from the node's cache, and takes some hundred
MB. With more, they would wait for the network instead of the network for them."""


def loader_workers(cpus: float, processes: int = 1) -> int:
    """Number of loader workers for each process of a trial, where the user gives none.

    One CPU of each process is left to the process itself. A share of less than two CPUs has none to spare: patches are
    then made by the process that trains, which costs it the time that they take and no start of a worker.

    Args:
        cpus: CPUs of the trial, all its processes together; Ray may give it parts of one.
        processes: Processes of the trial, which share them equally.

    Returns:
        0 to 8, what `training.trial.run_trial` takes as `workers`.
    """
    share = int(cpus / processes)
    return min(share - 1, MOST_WORKERS) if share >= 2 else 0


def usable_cpus() -> int:
    """CPUs that this process may use: those of the machine, or those that a scheduler or `taskset` binds it to."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
