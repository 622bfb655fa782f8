"""One process at a time changes a lake: `<lake>/lock.json`, put there only if it is not there.

On disk by exclusive creation, on S3 by a conditional PUT (see `datasets.storage.create` for stores without one). A lock
is released on the way out, also by an error, Ctrl-C or a polite kill (SIGTERM, as clusters send it); a process that is
killed otherwise leaves it, and a person who knows that the process is gone breaks it.
"""

import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from datasets.access import absolute
from datasets.errors import LakeLockedError
from datasets.process.signals import sigterm_raises
from datasets.storage import create, read, remove

_KEY = "lock.json"


@dataclass(frozen=True)
class LakeLock:
    """A lock that this process has taken.

    Attributes:
        url: Of the lake.
        content: What stands in the lock; it tells our lock from a later one.
    """

    url: str
    content: bytes

    def check(self) -> None:
        """Raises LakeLockedError if somebody broke the lock meanwhile: what follows would be written beside them."""
        found = read(f"{self.url}/{_KEY}")
        if found != self.content:
            raise LakeLockedError(
                f"the lock of {self.url!r} was broken while this build ran ({_owner(found)}): nothing more is "
                "written, let one build run to its end and start again"
            )


@contextmanager
def lock_lake(url: str, *, break_lock: bool = False) -> Iterator[LakeLock]:
    """Holds the lock of a lake; in the main thread SIGTERM raises SystemExit meanwhile, so that the lock is released.

    Args:
        url: Of the lake; it need not be there yet.
        break_lock: Removes a lock that is there, whoever has it.

    Raises:
        LakeLockedError: Another process has it.
    """
    place = absolute(url)
    owner = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "token": secrets.token_hex(8),
    }
    lock = LakeLock(place, json.dumps(owner, indent=1).encode())
    with sigterm_raises():
        if break_lock:
            remove(f"{place}/{_KEY}")
        try:
            if not create(f"{place}/{_KEY}", lock.content):
                found = read(f"{place}/{_KEY}")
                raise LakeLockedError(
                    f"the lake {url!r} is being changed by another build ({_owner(found)}): {_advice(found)} with "
                    "--break-lock"
                )
            yield lock
        finally:
            if read(f"{place}/{_KEY}") == lock.content:
                remove(f"{place}/{_KEY}")


def lock_owner(url: str) -> str | None:
    """Who changes the lake now, in words; None if nobody does."""
    content = read(f"{absolute(url)}/{_KEY}")
    return None if content is None else _owner(content)


def _owner(content: bytes | None) -> str:
    owner = _parsed(content)
    if not owner:
        return "its lock is gone" if content is None else "its lock.json is torn"
    return f"process {owner.get('pid')} on {owner.get('host')}, started {owner.get('started')}"


def _advice(content: bytes | None) -> str:
    owner = _parsed(content)
    pid = owner.get("pid")
    if owner.get("host") == socket.gethostname() and isinstance(pid, int) and not is_running(pid):
        return "no such process runs on this machine any more, so start again"
    return "wait until it has ended, or, if you know that it is gone, start again"


def _parsed(content: bytes | None) -> dict[str, object]:
    try:
        found = json.loads(content or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def is_running(pid: int) -> bool:
    """Whether there is a process of this number on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
