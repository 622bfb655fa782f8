"""`Journal`: records of one attempt in a file that is only ever appended to, one line a record.

A record is with the kernel when `append` returns, so SIGKILL cannot take it; `flush`, which the sender calls before it
sends, makes it outlive a crash of the machine too. fsync in `append` would let the training wait for the disk.
"""

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from training.tracking.records import Record, StartRecord, from_line, to_line
from training.tracking.server import TrackingError


class OutboxError(TrackingError):
    """The outbox cannot be written or read: a full or read-only disk, a damaged journal."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A record and its place in the journal, in bytes."""

    record: Record
    start: int
    end: int


class Journal:
    """The open file; made if it is not there.

    Attributes:
        told: Records appended, or found by `cut`.
        last_told: Time of the last change before it was opened, in seconds since 1970.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._telling = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._end = os.fstat(self._file).st_size
        self._flushed = 0
        self.last_told = os.fstat(self._file).st_mtime
        self.told = 0

    def append(self, record: Record) -> None:
        """Writes a record; raises OutboxError, and leaves the journal as it was, where the disk is full."""
        line = to_line(record)
        with self._telling, on_disk(self.path):
            written = os.write(self._file, line)
            if written < len(line):  # the disk is full; half a line would spoil the next
                os.ftruncate(self._file, self._end)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._end += written
            self.told += 1

    def entries(self, start: int) -> Iterator[Entry]:
        """Whole records from a place on; a half-written last one is left out.

        Raises:
            OutboxError: A record that is not the last is damaged, or another version of this project wrote it.
        """
        size = os.fstat(self._file).st_size
        data = os.pread(self._file, size - start, start)
        for line in data.splitlines(keepends=True):
            end = start + len(line)
            record = _read(line, self.path)
            if record is None and end == size:
                return
            if record is None:
                raise OutboxError(
                    f"the journal {str(self.path)!r} is damaged at byte {start}: take that line out, "
                    "and the rest can be sent"
                )
            yield Entry(record=record, start=start, end=end)
            start = end

    def cut(self) -> None:
        """Counts the records of a process that died, and cuts off what it had half written."""
        end = 0
        for entry in self.entries(0):
            self.told += 1
            end = entry.end
        with on_disk(self.path):
            os.ftruncate(self._file, end)
        self._end = end

    def flush(self) -> None:
        """Waits until all records told so far are on the disk."""
        end = self._end
        if end > self._flushed:
            with on_disk(self.path):
                os.fsync(self._file)
            self._flushed = end

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)


def first_record(path: Path) -> StartRecord | None:
    """The first record of a journal that another process may hold; None if it is not there, or not whole."""
    try:
        with path.open("rb") as file:
            first = _read(file.readline(), path)
    except FileNotFoundError:
        return None
    return first if isinstance(first, StartRecord) else None


@contextmanager
def on_disk(path: Path) -> Iterator[None]:
    """Turns what the disk raises into one sentence."""
    try:
        yield
    except OutboxError:
        raise
    except OSError as error:
        raise OutboxError(
            f"the outbox {str(path)!r} cannot be written ({error.strerror or error}): free its disk, "
            "or set ICEBENCH_OUTBOX to a folder on a disk of this machine"
        ) from error


def _read(line: bytes, path: Path) -> Record | None:
    try:
        return from_line(line)
    except ValueError as error:
        raise OutboxError(
            f"another version of this project wrote the journal {str(path)!r}: send it with that version"
        ) from error
