"""The memory of a GPU: how much is free, and one sentence that says what to lower where it is full."""

import gc
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import torch

from datasets.errors import IceBenchError
from training.spec import TrialSpec

_FULL: Final = ("out of memory", "ALLOC_FAILED", "ALLOCATION_FAILED")
"""What libraries below torch say of it in a plain RuntimeError."""

_NO_KERNEL: Final = ("unable to find an engine", "Unable to find a valid cuDNN algorithm")
"""What torch says of a convolution none of whose kernels ran: on a full GPU each lacked its work space."""

_OF_CUDA: Final = "CUDA error: out of memory"
"""What CUDA says where it cannot page-lock memory of the host, too."""

_ROOM: Final = 0.1
"""Share of a GPU's memory: with more free, such words are not of its own memory."""

_ASKED: Final = re.compile(r"Tried to allocate ([\d.]+ [KMGT]iB)")


class DeviceMemoryError(IceBenchError, MemoryError):
    """The GPU has no memory for this work; what else runs there decides with it whether trying again helps."""


@contextmanager
def memory_of(device: torch.device, work: str, remedy: str) -> Iterator[None]:
    """Work on a device; raises DeviceMemoryError, with what to do, where the memory of a GPU does not hold it."""
    try:
        yield
    except RuntimeError as error:  # torch.OutOfMemoryError is one
        if not is_of_memory(error):
            raise
        asked, (free, total) = _asked(error), _seen(device)
        has_room = free > _ROOM * total
        if has_room and not isinstance(error, torch.OutOfMemoryError) and not _says(error, _FULL):
            raise
        if has_room and _OF_CUDA in str(error):
            raise DeviceMemoryError(
                f"the machine has no page-locked memory left to {work} ({asked}{_told(free, total)} of the GPU): "
                "allow the process more memory (the container's limit, ulimit -l), or give it fewer loader workers"
            ) from error
        raise DeviceMemoryError(
            f"the GPU has no memory left to {work} ({asked}{_told(free, total)}): {remedy}, or free it from other work"
        ) from error


def is_of_memory(error: RuntimeError) -> bool:
    """Whether an error may come from a device without memory; torch.OutOfMemoryError is only one of these."""
    return isinstance(error, torch.OutOfMemoryError) or _says(error, (*_FULL, *_NO_KERNEL))


def free_memory(device: torch.device) -> tuple[int, int]:
    """Free bytes of a GPU, and all that it has.

    What this process no longer uses, as after an earlier trial in it, is given back before: torch keeps it, and it
    would count as taken, for this process and for those that share the GPU.
    """
    gc.collect()
    torch.cuda.empty_cache()
    free, total = torch.cuda.mem_get_info(device)
    return free, total


def to_train(spec: TrialSpec) -> str:
    """What needs less memory in training: first what changes no number, then what makes another trial."""
    others = [f"loop.batch_size ({spec.loop.batch_size})", f"data.patch_size ({spec.data.patch_size})"]
    feed = spec.loop.feed
    where = f"set loop.feed=loader (it is {feed}), which leaves the scenes on the host, or " if feed != "loader" else ""
    precision = spec.loop.precision
    half = ", or set loop.precision=bfloat16" if precision == "float32" else ""
    return f"{where}lower {' or '.join(others)}{half}"


def to_score(spec: TrialSpec) -> str:
    """What needs less memory when scenes are scored."""
    if spec.data.task == "patch":
        return "give the trial a larger share of a GPU (its windows are scored in batches of a fixed size)"
    return f"lower evaluation.tile ({spec.evaluation.tile})"


def _says(error: RuntimeError, words: Iterable[str]) -> bool:
    return any(word in str(error) for word in words)


def _asked(error: RuntimeError) -> str:
    found = _ASKED.search(str(error))
    return f"{found[1]} were asked for, " if found else ""


def _seen(device: torch.device) -> tuple[int, int]:
    """Free bytes and all; 0 of 0 where the device says nothing."""
    try:
        free, total = torch.cuda.mem_get_info(device)
    except (RuntimeError, AssertionError, ValueError):  # a device in such a state may answer nothing
        return 0, 0
    return free, total


def _told(free: int, total: int) -> str:
    return f"{free / 2**30:.2f} of {total / 2**30:.2f} GiB are free" if total else "how much is free is not known"
