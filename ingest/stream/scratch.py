"""Scratch space: how many bytes lie on this machine's disk at once, and how many connections are open, for one build.

All processes of a machine count together, through files in one folder: each holds a lock for what it has taken, which
the system gives back when the process ends in whatever way. What a dead process left is removed by the next that asks.
"""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from rich.filesize import decimal

from datasets.access import absolute
from datasets.digest import digest_of
from ingest.errors import ScratchError

_GLANCE: Final = 0.05
"""Seconds between two looks at what others hold."""

_LOCK: Final = ".lock"


@dataclass(frozen=True, kw_only=True)
class Scratch:
    """The scratch space of a build, on each machine that works for it.

    Attributes:
        name: Of the folder; equal for all processes of the build, and for the next build of the same lake.
        limit: Bytes on disk at most.
        connections: Requests to archives that run at the same time, at most.
    """

    name: str
    limit: int
    connections: int

    @classmethod
    def of_lake(cls, lake_url: str, *, limit: int, connections: int) -> "Scratch":
        """The space for a build of that lake; its lock lets only one build run."""
        name = f"icebench-scratch-{os.getuid()}-{digest_of(absolute(lake_url))[:12]}"
        return cls(name=name, limit=limit, connections=connections)

    @property
    def folder(self) -> Path:
        """On this machine, in its folder for temporary files."""
        return Path(tempfile.gettempdir()) / self.name

    def check(self, name: str, size: int, *, beside: int = 0) -> None:
        """Raises ScratchError for a file that can never lie here, beside bytes that stay for the whole build."""
        if size > self.limit:
            parts = f" ({decimal(beside)} of it for archives that are fetched whole)" if beside else ""
            raise ScratchError(
                f"--scratch {decimal(self.limit)} is too small for {name!r}, which takes {decimal(size)}{parts} while "
                f"it is converted: give at least --scratch {-(-size // 10**6)}MB"
            )

    def check_disk(self, size: int) -> None:
        """Raises ScratchError where this machine's disk has no room for a file of that size."""
        free = shutil.disk_usage(tempfile.gettempdir()).free
        if size > free:
            raise ScratchError(
                f"the disk of {tempfile.gettempdir()!r} has {decimal(free)} free, and the largest scene takes "
                f"{decimal(size)} while it is converted: make room, or set TMPDIR to a folder on another disk"
            )

    @contextmanager
    def room(self, name: str, size: int, *, wait: bool = True) -> Iterator[Path]:
        """An empty folder for files of so many bytes, once they fit in; it is removed at the end.

        Raises:
            ScratchError: They never will, or do not now and that is not waited for.
        """
        self.check(name, size)
        while (taken := self._take(size)) is None:
            if not wait:
                raise ScratchError(
                    f"{name!r} takes {decimal(size)} of --scratch {decimal(self.limit)}, and less is left beside what "
                    "else lies there: give more, or wait for the other build of this lake"
                )
            time.sleep(_GLANCE)
        folder, lock = taken
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            lock.release()
            Path(lock.lock_file).unlink(missing_ok=True)

    @contextmanager
    def connection(self) -> Iterator[None]:
        """Waits until one connection more is allowed."""
        folder = self._made()
        while True:
            for number in range(self.connections):
                lock = FileLock(folder / f"connection-{number}{_LOCK}")
                if _got(lock):
                    try:
                        yield
                    finally:
                        lock.release()
                    return
            time.sleep(_GLANCE)

    def remove(self) -> None:
        """Removes what no living process holds."""
        if self.folder.exists():
            with FileLock(self.folder / _LOCK):
                held = self._held()
            if not held:
                shutil.rmtree(self.folder, ignore_errors=True)

    def _take(self, size: int) -> tuple[Path, FileLock] | None:
        folder = self._made()
        with FileLock(folder / _LOCK):
            if self._held() + size > self.limit:
                return None
            room = folder / f"{size}-{secrets.token_hex(4)}"
            lock = FileLock(room.with_name(room.name + _LOCK))
            lock.acquire(timeout=0)
            room.mkdir()
        return room, lock

    def _held(self) -> int:
        """Bytes that living processes have taken; what dead ones had is removed."""
        held = 0
        for path in self.folder.glob(f"[0-9]*{_LOCK}"):
            lock, room = FileLock(path), path.with_name(path.name.removesuffix(_LOCK))
            if _got(lock):
                shutil.rmtree(room, ignore_errors=True)
                lock.release()
                path.unlink(missing_ok=True)
            else:
                held += int(room.name.partition("-")[0])
        return held

    def _made(self) -> Path:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if self.folder.lstat().st_uid != os.getuid():
            raise ScratchError(
                f"{str(self.folder)!r} belongs to another user: set TMPDIR to a folder of your own for the build"
            )
        return self.folder


def _got(lock: FileLock) -> bool:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True
