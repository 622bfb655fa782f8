"""A lock on what only one process may change: a lake that is built, a study that runs.

A lock is an object that is created only if it does not exist (`datasets.storage.create`: by exclusive creation on disk,
by a conditional PUT on S3); its content names the holder. A process that takes over from a dead holder leaves the old
lock in place: if two processes removed it, the second would remove the new lock of the first. Instead it creates a
successor beside it, again only if there is none: `lock.json`, `lock.json.<token of its holder>`, and so on. The last
of this row holds the lock, and removes the whole row at the end. A holder that was believed dead finds its successor.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from pydantic import ValidationError

from datasets.access import absolute
from datasets.errors import IceBenchError, LakeLockedError
from datasets.lock_holder import Holder
from datasets.process.signals import sigterm_raises
from datasets.storage import create, read, remove, replace

logger = logging.getLogger(__name__)

NAME: Final = "lock.json"


class Lock:
    """A lock at a URL, which this process takes and gives back; URLs of successors begin with it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.holder = Holder.this_process()
        self._place = url

    def acquire(self, may_replace: Callable[[Holder], bool]) -> bool:
        """Takes the lock if nobody holds it, or who does may be replaced, and nobody is faster; says whether it did."""
        holder = holder_of(self.url)
        while holder is not None:
            if not may_replace(holder):
                return False
            asked, holder = holder, holder_of(self.url)  # the answer may have taken a minute
            if holder is not None and holder.token == asked.token:
                break
        self._place = self.url if holder is None else f"{self.url}.{holder.token}"
        self._beat()
        return create(self._place, self._content()) and self.is_held()

    def is_held(self) -> bool:
        """Whether this process has it; not so if somebody has taken it over, or has removed it."""
        return self._is_mine(holder_of(self.url))

    def renew(self) -> bool:
        """Gives a sign of life; False if the lock is no longer held."""
        if not self.is_held():
            return False
        self._beat()
        replace(self._place, self._content())
        return True

    def release(self) -> None:
        """Gives it back; does nothing where it was taken over, or never taken."""
        row = _row(self.url)
        if row and self._is_mine([*row.values()][-1]):
            for place in row:  # from the first on, so that nobody can become the successor of one that remains
                remove(place)
        elif self._place not in row and self._is_mine(_holder_at(self._place)):
            remove(self._place)  # it was put too late to count

    def check(self) -> None:
        """Raises LakeLockedError if somebody broke the lock meanwhile: what follows would be written beside them."""
        if not self.is_held():
            place, owner = self.url.removesuffix(f"/{NAME}"), _words(holder_of(self.url))
            raise LakeLockedError(
                f"the lock of {place!r} was broken while this build ran ({owner}): nothing more is written, let one "
                "build run to its end and start again"
            )

    def _beat(self) -> None:
        self.holder = self.holder.model_copy(update={"beat": time.time()})

    def _is_mine(self, holder: Holder | None) -> bool:
        return holder is not None and holder.token == self.holder.token

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

    Raises:
        LakeAccessError: The store cannot be reached or refuses.
    """
    lock, over, taken = Lock(url), threading.Event(), False

    def beat() -> None:
        while not over.wait(beat_s):
            try:
                if not lock.renew():
                    logger.warning("the lock %s was taken over by %s", url, _words(holder_of(url)))
                    return
            except (IceBenchError, OSError):  # the store is away: the work goes on, and so does the next beat
                continue

    beats = threading.Thread(target=beat, name="lock", daemon=True)
    with sigterm_raises():
        try:
            if not lock.acquire(may_replace):
                raise refusal(holder_of(url))
            taken = True
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
                if taken:  # else the error that comes out says it already
                    logger.warning("the lock %s could not be removed: %s", url, error)


@contextmanager
def lock_lake(url: str, *, break_lock: bool = False) -> Iterator[Lock]:
    """Holds `<lake>/lock.json`. A killed build leaves it, and a person who knows that it is gone breaks it.

    Args:
        url: Of the lake; it need not be there yet.
        break_lock: Takes the lock over from any holder.

    Raises:
        LakeLockedError: Another process has it.
    """

    def refusal(holder: Holder | None) -> LakeLockedError:
        return _locked(url, holder)

    with hold(f"{absolute(url)}/{NAME}", lambda holder: break_lock, refusal) as lock:
        yield lock


def check_unlocked(url: str) -> None:
    """Raises LakeLockedError where `lock_lake` would; takes nothing."""
    if holder := holder_of(f"{absolute(url)}/{NAME}"):
        raise _locked(url, holder)


def lock_owner(url: str) -> str | None:
    """Who changes the lake now, in words; None if nobody does."""
    holder = holder_of(f"{absolute(url)}/{NAME}")
    return None if holder is None else _words(holder)


def holder_of(url: str) -> Holder | None:
    """Who holds a lock; None if nobody does."""
    *_, holder = (None, *_row(url).values())
    return holder


def _locked(url: str, holder: Holder | None) -> LakeLockedError:
    advice = "wait until it has ended, or, if you know that it is gone, start again"
    if holder is not None and holder.has_died_here():
        advice = "no such process runs on this machine any more, so start again"
    return LakeLockedError(
        f"the lake {url!r} is being changed by another build ({_words(holder)}): {advice} with --break-lock"
    )


def _words(holder: Holder | None) -> str:
    if holder is None:
        return "its lock is gone"
    return f"{holder.process}, started {holder.started}" if holder.host else f"its {NAME} is torn"


def _row(url: str) -> dict[str, Holder]:
    """A lock and its successors in order, by URL."""
    row, place = dict[str, Holder](), url
    while (holder := _holder_at(place)) is not None:
        row[place] = holder
        place = f"{url}.{holder.token}"
    return row


def _holder_at(place: str) -> Holder | None:
    content = read(place)
    if content is None:
        return None
    try:
        return Holder.model_validate_json(content)
    except ValidationError:  # torn by a crash, or of another version: whether its holder lives is unknown
        return Holder(token=hashlib.sha256(place.encode() + content).hexdigest()[:16], host="", pid=0)
