"""How a loader worker hands over what it made, and how its trainer waits: every failure is heard, and has a cause.

torch shares a batch in a thread of the worker that nobody listens to, hides sentences in tracebacks, and can wait for
ever.
"""

import pickle
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol, Self, TypeVar

from torch.utils.data import Dataset

from datasets.errors import IceBenchError, LoaderError

BATCH_SECONDS: Final = 1800.0
"""Longest wait for a batch of a worker: its scenes may all have to be fetched and decoded first."""

GLANCE_SECONDS: Final = 5.0
"""How often a wait looks whether all workers live."""

_LATE: Final = "DataLoader timed out"
_DEAD: Final = "DataLoader worker (pid"
"""How torch's own errors begin, which have no type of their own."""


class Shareable(Protocol):
    """What can be handed over: `datasets.loading.batches.Batch`."""

    @property
    def nbytes(self) -> int:
        """Bytes of it."""

    def shared(self) -> Self:
        """The same in memory that other processes can map; raises RuntimeError or OSError where there is none left."""


Made = TypeVar("Made", bound=Shareable)
Made_co = TypeVar("Made_co", bound=Shareable, covariant=True)


class Makes(Protocol[Made_co]):
    """Makes something by its number."""

    def __getitem__(self, index: int) -> Made_co:
        """Makes one."""


class HandedOver(Dataset[Made | IceBenchError]):
    """What a worker makes: batches that lie in shared memory already, or what stands in the way of one."""

    def __init__(self, dataset: Makes[Made]) -> None:
        self._dataset = dataset

    def __getitem__(self, index: int) -> Made | IceBenchError:
        try:
            batch = self._dataset[index]
        except IceBenchError as error:
            return _sendable(error)
        try:
            return batch.shared()
        except (OSError, RuntimeError) as error:
            return LoaderError(
                f"a loader worker cannot hand over a batch of {batch.nbytes / 1e6:.1f} MB ({error}): give the machine "
                "more shared memory (docker run --shm-size 8g) and open files (ulimit -n), or the trial fewer workers"
            )


def _sendable(error: IceBenchError) -> IceBenchError:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 (an error that cannot be sent is told by its sentence)
        return LoaderError(str(error))
    return error


def next_batch(batches: Iterator[Made | IceBenchError]) -> Made | None:
    """The next batch, None after the last; torch's own wait is short, since it sees only at its end who has died."""
    end = time.monotonic() + BATCH_SECONDS
    while True:
        try:
            found = next(batches, None)
        except RuntimeError as error:
            if not str(error).startswith(_LATE):
                raise
            if time.monotonic() < end:
                continue
            raise LoaderError(
                f"no loader worker has handed over the next batch for {BATCH_SECONDS:g} s: look at what they logged, "
                "and whether the lake can be read; with 0 workers the trial reads by itself"
            ) from error
        if isinstance(found, IceBenchError):
            raise found
        return found


@contextmanager
def worker_deaths() -> Iterator[None]:
    """The death of a worker, which torch raises as RuntimeError wherever the main thread is, as LoaderError."""
    try:
        yield
    except RuntimeError as error:
        if not str(error).startswith(_DEAD):
            raise
        raise LoaderError(
            f"a loader worker died ({' '.join(str(error).split())}): where the kernel ended it for want of memory, "
            "give the machine or container more, or the trial fewer workers"
        ) from error
