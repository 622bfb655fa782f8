"""A GPU that has no memory left: one sentence that says what to lower."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch

from datasets.errors import IceBenchError
from training.spec import TrialSpec

_FULL: Final = ("out of memory", "ALLOC_FAILED")
"""What libraries below torch say of it in a plain RuntimeError."""

_ASKED: Final = re.compile(r"Tried to allocate ([\d.]+ [KMGT]iB)")


class DeviceMemoryError(IceBenchError, MemoryError):
    """The GPU has no memory for this work; what else runs there decides with it whether trying again helps."""


@contextmanager
def memory_of(device: torch.device, work: str, remedy: str) -> Iterator[None]:
    """Work on a device; raises DeviceMemoryError, with what to do, where the memory of a GPU does not hold it."""
    try:
        yield
    except RuntimeError as error:  # torch.OutOfMemoryError is one
        if not (isinstance(error, torch.OutOfMemoryError) or any(word in str(error) for word in _FULL)):
            raise
        raise DeviceMemoryError(
            f"the GPU has no memory left to {work} ({_asked(error)}{_free(device)}): {remedy}, or free it from other "
            "work"
        ) from error


def to_train(spec: TrialSpec) -> str:
    """What needs less memory in training: first what changes no number, then what makes another trial."""
    others = [f"loop.batch_size ({spec.loop.batch_size})", f"data.patch_size ({spec.data.patch_size})"]
    feed = getattr(spec.loop, "feed", "loader")
    where = f"set loop.feed=loader (it is {feed}), which leaves the scenes on the host, or " if feed != "loader" else ""
    precision = spec.loop.precision
    half = ", or set loop.precision=bfloat16" if precision == "float32" else ""
    return f"{where}lower {' or '.join(others)}{half}"


def to_score(spec: TrialSpec) -> str:
    """What needs less memory when scenes are scored."""
    if spec.data.task == "patch":
        return "give the trial a larger share of a GPU (its windows are scored in batches of a fixed size)"
    return f"lower evaluation.tile ({spec.evaluation.tile})"


def _asked(error: RuntimeError) -> str:
    found = _ASKED.search(str(error))
    return f"{found[1]} were asked for, " if found else ""


def _free(device: torch.device) -> str:
    try:
        free, total = torch.cuda.mem_get_info(device)
    except (RuntimeError, AssertionError, ValueError):  # a device in such a state may answer nothing
        return "how much is free is not known"
    return f"{free / 2**30:.2f} of {total / 2**30:.2f} GiB are free"
