"""`Journal`: what one attempt at a trial reports, on this machine's disk until the tracking server has it.

<outbox>/<attempt>/
    lock             held by who may send: the trial's process while it lives, else `training.tracking.sync`
    journal.jsonl    one record per line, only ever appended to: CRC-32 in hex, a space, JSON
    files/           copies of the files that records name
    sent.json        how much the server has; it may lag behind, since sending again changes nothing

A record is with the kernel when `append` returns, so SIGKILL cannot take it; `flush`, which the sender calls before it
sends, makes it outlive a crash of the machine too. fsync in `append` would let the training wait for the disk.
"""

import errno
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, Self

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from training.tracking.outbox import OutboxError, on_disk
from training.tracking.records import FileRecord, FinishRecord, Record, StartRecord, from_line, to_line

_NAME: Final = "journal.jsonl"
_GONE: Final = ".gone-"
"""Begin of the name of a folder that is being removed."""


class Line(NamedTuple):
    """A record, and the bytes of the journal at which it starts and after which it ends."""

    record: Record
    start: int
    end: int


class Sent(BaseModel):
    """How much of a journal the server has.

    Attributes:
        run_id: Empty until the server has named the run.
        offset: Bytes of the journal that are dealt with.
        count: Records in these bytes.
        refused: How many of these the server does not take.
        waiting: Where in these bytes the artifacts start that have still to go.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str = ""
    offset: int = 0
    count: int = 0
    refused: int = 0
    waiting: tuple[int, ...] = ()


class Journal:
    """One attempt's folder, in the hands of the one process that may send it; any thread may append, one thread sends.

    Attributes:
        sent: What of it the server has.
        count: Number of records, of which `last_ms` is the newest time.
        over: Whether the end of the attempt is among them.
    """

    def __init__(self, folder: Path, lock: FileLock) -> None:
        self.folder = folder
        try:
            self.sent = Sent.model_validate_json((folder / "sent.json").read_bytes())
        except (FileNotFoundError, ValidationError):  # all is sent again, which changes nothing at the server
            self.sent = Sent()
        self.count, self.last_ms, self.over = 0, 0, False
        self._lock = lock
        self._appending = threading.Lock()
        self._file = os.open(folder / _NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    @classmethod
    def create(cls, root: Path, start: StartRecord) -> Self:
        """Makes the folder with its first record; raises OutboxError where that cannot be written."""
        folder = root / start.attempt
        with on_disk(folder):
            folder.mkdir(parents=True)
            lock = FileLock(folder / "lock", thread_local=False)
            lock.acquire()
            journal = cls(folder, lock)
        journal.append(start)
        return journal

    @classmethod
    def take(cls, folder: Path) -> Self | None:
        """Takes one of `attempts` whose process died, and cuts off a half-written record; None if its process lives.

        Raises:
            OutboxError: See `read_lines`.
        """
        lock = FileLock(folder / "lock", thread_local=False)
        try:
            lock.acquire(timeout=0)
        except (Timeout, FileNotFoundError):  # another has it, or removed it this moment
            return None
        if not (folder / _NAME).is_file():  # another removed it, and asking for the lock made the folder again
            lock.release()
            shutil.rmtree(folder, ignore_errors=True)
            return None
        journal = cls(folder, lock)
        try:
            end = count_sent = 0
            for line in read_lines(folder):
                journal._count(line.record)
                end = line.end
                count_sent = journal.count if end == journal.sent.offset else count_sent
            with on_disk(folder):
                os.ftruncate(journal._file, end)
        except OutboxError:
            journal.close()
            raise
        if count_sent != journal.sent.count:  # a person took a damaged line out
            journal.sent = Sent()
        return journal

    @property
    def left(self) -> int:
        """Records that the server does not have: they wait, or were refused."""
        return self.count - self.sent.count + self.sent.refused + len(self.sent.waiting)

    @property
    def has_news(self) -> bool:
        """Whether there is a record that nobody has looked at yet."""
        return self.sent.count < self.count

    @property
    def all_dealt_with(self) -> bool:
        """Whether nothing waits; the server may have refused some."""
        return not self.has_news and not self.sent.waiting

    def append(self, record: Record) -> None:
        """Writes a record; raises OutboxError, and leaves the journal as it was, where the disk is full."""
        line = to_line(record)
        with self._appending, on_disk(self.folder):
            written = os.write(self._file, line)
            if written < len(line):  # the disk is full; half a line would spoil the next
                os.ftruncate(self._file, os.fstat(self._file).st_size - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._count(record)

    def append_copy(self, path: Path, folder: str) -> None:
        """Copies a file, or all files of a folder, and writes the record of it."""
        if not path.exists():
            raise FileNotFoundError(path)
        with on_disk(self.folder):
            (self.folder / "files").mkdir(exist_ok=True)
            copy = Path(tempfile.mkdtemp(dir=self.folder / "files")) / path.name
            if path.is_dir():
                shutil.copytree(path, copy, copy_function=shutil.copyfile)
            else:
                shutil.copyfile(path, copy)
            record = FileRecord(kept=str(copy.relative_to(self.folder)), folder=folder, size=size_of(copy))
        self.append(record)

    def flush(self) -> None:
        """Waits until all records so far are on the disk."""
        with on_disk(self.folder):
            os.fsync(self._file)

    def note(self, sent: Sent) -> None:
        """Remembers how much the server has."""
        part = self.folder / ".sent.json.part"
        with on_disk(self.folder):
            part.write_text(sent.model_dump_json(), encoding="utf-8")
            part.replace(self.folder / "sent.json")
        self.sent = sent

    def close(self) -> None:
        """Lets go of the folder; what is left in it can be sent by another process."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            self._lock.release()

    def remove(self) -> None:
        """Removes the folder, in one step for whoever looks."""
        gone = self.folder.with_name(_GONE + self.folder.name)
        with on_disk(self.folder):
            self.folder.rename(gone)
        self.close()
        shutil.rmtree(gone, ignore_errors=True)

    def _count(self, record: Record) -> None:
        self.count += 1
        self.last_ms = max(self.last_ms, getattr(record, "time", 0))
        self.over = self.over or isinstance(record, FinishRecord)


def read_lines(folder: Path, start: int = 0) -> Iterator[Line]:
    """Whole records of an attempt, from a byte of its journal on; a half-written last one is left out.

    Raises:
        OutboxError: A record that is not the last is damaged, or another version of this project wrote it.
    """
    path = folder / _NAME
    with path.open("rb") as file:
        file.seek(start)
        content = file.read()
    size = start + len(content)
    for line in content.splitlines(keepends=True):
        try:
            record = from_line(line)
        except ValueError as error:
            raise OutboxError(
                f"another version of this project wrote the journal {str(path)!r}: send it with that version"
            ) from error
        end = start + len(line)
        if record is not None:
            yield Line(record, start, end)
        elif end < size:
            raise OutboxError(
                f"the journal {str(path)!r} is damaged at byte {start}: take that line out, and the rest can be sent"
            )
        start = end


def attempts(root: Path) -> Iterator[Path]:
    """Folders of all attempts with something to send; clears away what a killed removal left."""
    for path in sorted(root.glob("*")):
        if path.name.startswith(_GONE):
            shutil.rmtree(path, ignore_errors=True)
        elif (path / _NAME).is_file():
            yield path


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())
