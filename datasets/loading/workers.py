"""How many processes read patches ahead of one that trains. Imports no torch, so that planning a trial can use it."""

import os
from collections.abc import Iterator
from multiprocessing import util
from typing import Final

from datasets.process.machine import SHARED, raise_open_files, shared_room

MOST_WORKERS: Final = 8
"""Each makes some hundred patches per second from chunks, and thousands from the node's cache, and takes some hundred
MB. With more, they would wait for the network instead of the network for them."""

PREFETCHED: Final = 4
"""Batches that a worker makes ahead."""

_IN_USE: Final = 2
"""Batches that the trainer holds besides."""

_FILES_OF_BATCH: Final = 5
"""Each array of a batch is an open file while it is shared."""

_FILES_OF_WORKER: Final = 4
_FILES_OF_TRAINER: Final = 64
"""Besides those of the cache, which takes a quarter of what is allowed: connections, records, libraries."""

_SOCKET: Final = "/listener-01234567"
"""What multiprocessing puts behind its temporary folder to get the address of a socket."""

_LONGEST_ADDRESS: Final = 107
"""Bytes of the address of a socket in the file system, on Linux; other systems have 103."""


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


def fitting_workers(wanted: int, batch_bytes: int, processes: int = 1) -> tuple[int, str]:
    """How many workers can hand over their batches on this machine, now.

    A worker that cannot puts its batch nowhere and says nothing that a trainer hears, so it is looked at before.

    Args:
        wanted: Workers of this process.
        batch_bytes: Of one batch.
        processes: Of this trial, which share the machine equally.

    Returns:
        Number, 0 to `wanted`; and why it is not `wanted`, with the remedy: the second half of a sentence, or "".
    """
    number, reason = min(_limits(wanted, batch_bytes, processes), key=lambda limit: limit[0])
    return (number, reason) if number < wanted else (wanted, "")


def _limits(wanted: int, batch_bytes: int, processes: int) -> Iterator[tuple[int, str]]:
    yield wanted, ""
    room = shared_room()
    if room < (PREFETCHED * wanted + _IN_USE) * batch_bytes * processes:
        fit = (int(room) // (batch_bytes * processes) - _IN_USE) // PREFETCHED
        yield (
            max(fit, 0),
            f"each holds {PREFETCHED} batches of {batch_bytes / 1e6:.1f} MB in shared memory, and {SHARED} has "
            f"{room / 1e6:.1f} MB free: give it more (docker run --shm-size 8g), or take smaller batches",
        )
    files = raise_open_files()
    free = files * 3 // 4 - _FILES_OF_TRAINER - _IN_USE * _FILES_OF_BATCH
    yield (
        max(free // (PREFETCHED * _FILES_OF_BATCH + _FILES_OF_WORKER), 0),
        f"their batches are open files, and this process may open {files}: allow it more (ulimit -n 4096)",
    )
    try:
        address = len(os.fsencode(util.get_temp_dir() + _SOCKET))
    except OSError as error:
        yield 0, f"they meet in a temporary folder, which cannot be made ({error.strerror}): set TMPDIR to one that can"
        return
    if address > _LONGEST_ADDRESS:
        yield (
            0,
            f"the address at which they meet would have {address} bytes, and {_LONGEST_ADDRESS} are allowed: set "
            "TMPDIR to a shorter folder",
        )
