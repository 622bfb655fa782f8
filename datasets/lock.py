"""A lock on what only one process may change: a lake that is built, a study that runs.

A lock is an object that is created only if it does not exist (`datasets.storage.create`: by exclusive creation on disk,
by a conditional PUT on S3); its content names the holder. A process that takes over from a dead holder leaves the old
lock in place: if two processes removed it, the second would remove the new lock of the first. Instead it creates a
successor beside it, again only if there is none: `lock.json`, `lock.json.<token of its holder>`, and so on. The last
of this row holds the lock, and removes the whole row at the end. A holder that was believed dead finds its successor.
"""

import hashlib
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from datasets.access import absolute
from datasets.errors import IceBenchError, LakeLockedError
from datasets.process.signals import sigterm_raises
from datasets.storage import create, read, remove, replace

logger = logging.getLogger(__name__)

NAME: Final = "lock.json"
_TRIES: Final = 20
"""Tries to take a lock; each failed one means that another process took or freed it in between."""


class Holder(BaseModel):
    """Who holds a lock.

    Attributes:
        token: Unique name of this holding.
        host: Machine; empty if the lock is torn.
        pid: Process there.
        started: Date and time in ISO 8601.
        beat: Time of its last sign of life, in seconds since 1970.
    """

    model_config = ConfigDict(frozen=True)

    token: str = Field(pattern=r"^\w+$")
    host: str
    pid: int
    started: str = ""
    beat: float = 0.0

    @classmethod
    def this_process(cls) -> "Holder":
        """A new holding of this process."""
        started = datetime.now(UTC).isoformat(timespec="seconds")
        token, host = secrets.token_hex(8), socket.gethostname()
        return cls(token=token, host=host, pid=os.getpid(), started=started, beat=time.time())

    @property
    def process(self) -> str:
        """In words, for messages."""
        return f"process {self.pid} on {self.host}" if self.host else "an unknown process (its lock is torn)"

    def has_died_here(self) -> bool:
        """Whether it ran on this machine and has ended."""
        return self.host == socket.gethostname() and not is_running(self.pid)

    def is_gone(self, stale_s: float) -> bool:
        """Whether its process died here, or gave no sign of life for `stale_s` seconds."""
        return self.has_died_here() or time.time() - self.beat >= stale_s


class Lock:
    """A lock at a URL, which this process takes and gives back.

    Args:
        url: Of the object; those of successors begin with it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.holder = Holder.this_process()
        self._place = ""

    def acquire(self, may_replace: Callable[[Holder], bool]) -> bool:
        """Takes the lock if nobody holds it, or if the holder may be replaced; returns whether it did.

        Raises:
            LakeAccessError: The store cannot be reached or refuses.
        """
        for _ in range(_TRIES):
            row = _row(self.url)
            if row and not may_replace(row[-1][1]):
                return False
            self._place = f"{self.url}.{row[-1][1].token}" if row else self.url
            if create(self._place, self._content()) and self.is_held():
                return True
            self.release()
        return False

    def is_held(self) -> bool:
        """Whether this process has it; False if somebody has taken it over or removed it."""
        row = _row(self.url)
        return bool(row) and row[-1][1].token == self.holder.token

    def renew(self) -> bool:
        """Gives a sign of life; False if the lock is no longer held."""
        if not self.is_held():
            return False
        self.holder = self.holder.model_copy(update={"beat": time.time()})
        replace(self._place, self._content())
        return True

    def release(self) -> None:
        """Gives it back; does nothing where it was taken over, or never taken."""
        row = _row(self.url) if self._place else []
        if row and row[-1][1].token == self.holder.token:
            for place, _ in row:  # first to last, so that nobody can become the successor of a lock that is still there
                remove(place)
        elif self._place not in dict(row) and (found := _holder_at(self._place)) and found.token == self.holder.token:
            remove(self._place)  # it was created too late to count

    def _content(self) -> bytes:
        return self.holder.model_dump_json(indent=1).encode()


@contextmanager
def hold(
    url: str,
    may_replace: Callable[[Holder], bool],
    refusal: Callable[[Holder | None], IceBenchError],
    *,
    beat_s: float = 0.0,
) -> Iterator[Lock]:
    """Holds a lock; in the main thread SIGTERM raises SystemExit meanwhile, so that it is given back.

    Args:
        url: Of the lock.
        may_replace: Whether a holder may be replaced.
        refusal: Makes the error for a lock that another holds; None where it has just been given back.
        beat_s: Seconds between two signs of life; 0 gives none.
    """
    lock, over = Lock(url), threading.Event()
    beats = threading.Thread(target=_beat, args=(lock, beat_s, over), name="lock", daemon=True)
    with sigterm_raises():
        try:
            if not lock.acquire(may_replace):
                raise refusal(holder_of(url))
            if beat_s:
                beats.start()
            yield lock
        finally:
            over.set()
            if beats.is_alive():
                beats.join()
            try:
                lock.release()
            except (IceBenchError, OSError) as error:  # an error here must not hide how the work ended
                logger.warning("the lock %s could not be removed: %s", url, error)


def holder_of(url: str) -> Holder | None:
    """Who holds a lock; None if nobody does."""
    row = _row(url)
    return row[-1][1] if row else None


@dataclass(frozen=True)
class LakeLock:
    """The lock of a lake that this process builds."""

    url: str
    lock: Lock

    def check(self) -> None:
        """Raises LakeLockedError if somebody broke the lock meanwhile: two builds would write to the lake."""
        if not self.lock.is_held():
            owner = _words(holder_of(self.lock.url))
            raise LakeLockedError(
                f"the lock of {self.url!r} was broken while this build ran ({owner}): nothing more is "
                "written, let one build run to its end and start again"
            )


@contextmanager
def lock_lake(url: str, *, break_lock: bool = False) -> Iterator[LakeLock]:
    """Holds `<lake>/lock.json`. A killed build leaves it behind; a person who knows that the build is dead breaks it.

    Args:
        url: Of the lake; it need not be there yet.
        break_lock: Takes the lock over from any holder.

    Raises:
        LakeLockedError: Another process has it.
    """

    def refusal(holder: Holder | None) -> LakeLockedError:
        advice = "wait until it has ended, or, if you know that it is gone, start again"
        if holder is not None and holder.has_died_here():
            advice = "no such process runs on this machine any more, so start again"
        return LakeLockedError(
            f"the lake {url!r} is being changed by another build ({_words(holder)}): {advice} with --break-lock"
        )

    place = absolute(url)
    with hold(f"{place}/{NAME}", lambda holder: break_lock, refusal) as lock:
        yield LakeLock(place, lock)


def lock_owner(url: str) -> str | None:
    """Who changes the lake now, in words; None if nobody does."""
    holder = holder_of(f"{absolute(url)}/{NAME}")
    return None if holder is None else _words(holder)


def is_running(pid: int) -> bool:
    """Whether there is a process of this number on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # of another user
    return True


def _words(holder: Holder | None) -> str:
    if holder is None:
        return "its lock is gone"
    return f"{holder.process}, started {holder.started}" if holder.host else f"its {NAME} is torn"


def _row(url: str) -> list[tuple[str, Holder]]:
    """A lock and its successors in order, each with its URL."""
    found, place = list[tuple[str, Holder]](), url
    while (holder := _holder_at(place)) is not None:
        found.append((place, holder))
        place = f"{url}.{holder.token}"
    return found


def _holder_at(place: str) -> Holder | None:
    content = read(place) if place else None
    if content is None:
        return None
    try:
        return Holder.model_validate_json(content)
    except ValidationError:  # torn by a crash, or of another version: whether its holder lives is unknown
        return Holder(token=hashlib.sha256(place.encode() + content).hexdigest()[:16], host="", pid=0)


def _beat(lock: Lock, beat_s: float, over: threading.Event) -> None:
    while not over.wait(beat_s):
        try:
            if not lock.renew():
                logger.warning("the lock %s was taken over by %s", lock.url, _words(holder_of(lock.url)))
                return
        except (IceBenchError, OSError):  # the store is away: the work goes on, and so does the next beat
            continue
