"""`Journal`: what one attempt at a trial tells, on this machine's disk until the tracking server has it.

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
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Self

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from datasets.process.checkout import ROOT
from training.tracking.records import FileRecord, FinishRecord, Record, StartRecord, from_line, to_line
from training.tracking.server import TrackingError

_NAME: Final = "journal.jsonl"
_GONE: Final = ".gone-"
"""Begin of the name of a folder that is being removed."""


class OutboxError(TrackingError):
    """The outbox cannot be written or read: a full or read-only disk, a damaged journal."""


class Line(NamedTuple):
    """A record and its place in the journal, in bytes."""

    record: Record
    start: int
    end: int


class Sent(BaseModel):
    """How much of a journal the server has.

    Attributes:
        run_id: The run, once the server has told it.
        offset: Bytes of the journal that are dealt with.
        count: Records in these bytes.
        refused: How many of these it does not take.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str = ""
    offset: int = 0
    count: int = 0
    refused: int = 0


class Journal:
    """One attempt's folder, in the hands of the one process that may send it; any thread may tell, one thread sends.

    Attributes:
        folder: Of the attempt.
        sent: What of it the server has.
        told: Number of records.
        last_ms: The newest time among them.
        over: Whether the end of the attempt is among them.
    """

    def __init__(self, folder: Path, lock: FileLock) -> None:
        self.folder = folder
        self.sent = _read_sent(folder / "sent.json")
        self.told, self.last_ms, self.over = 0, 0, False
        self._lock = lock
        self._telling = threading.Lock()
        self._file = os.open(folder / _NAME, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

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
        """Takes the folder of a process that died, cutting off what it had half written; None if one lives.

        Raises:
            OutboxError: See `lines`.
        """
        if not (folder / _NAME).is_file():
            return None
        lock = FileLock(folder / "lock", thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None
        if not (folder / _NAME).is_file():  # another removed it, and asking for the lock made the folder again
            lock.release()
            shutil.rmtree(folder, ignore_errors=True)
            return None
        journal = cls(folder, lock)
        try:
            end = known = 0
            for line in journal.lines(0):
                journal._count(line.record)
                end = line.end
                known = journal.told if end == journal.sent.offset else known
            with on_disk(folder):
                os.ftruncate(journal._file, end)
            if known != journal.sent.count:  # a person took a damaged line out
                journal.sent = Sent()
        except OutboxError:
            journal.close()
            raise
        return journal

    @property
    def left(self) -> int:
        """Records that the server does not have: they wait, or were refused."""
        return self.told - self.sent.count + self.sent.refused

    @property
    def all_dealt_with(self) -> bool:
        """Whether nothing waits; the server may have refused some."""
        return self.sent.count >= self.told

    def append(self, record: Record) -> None:
        """Writes a record; raises OutboxError, and leaves the journal as it was, where the disk is full."""
        line = to_line(record)
        with self._telling, on_disk(self.folder):
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

    def lines(self, start: int) -> Iterator[Line]:
        """Whole records from a place on; a half-written last one is left out.

        Raises:
            OutboxError: A record that is not the last is damaged, or another version of this project wrote it.
        """
        size = os.fstat(self._file).st_size
        for content in os.pread(self._file, size - start, start).splitlines(keepends=True):
            end = start + len(content)
            record = _read(content, self.folder)
            if record is None and end == size:
                return
            if record is None:
                raise OutboxError(
                    f"the journal {str(self.folder / _NAME)!r} is damaged at byte {start}: take that line out, "
                    "and the rest can be sent"
                )
            yield Line(record, start, end)
            start = end

    def flush(self) -> None:
        """Waits until all records told so far are on the disk."""
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
        self.told += 1
        self.last_ms = max(self.last_ms, getattr(record, "time", 0))
        self.over = self.over or isinstance(record, FinishRecord)


def default_outbox() -> Path:
    """ICEBENCH_OUTBOX, else results/outbox of the project; it should be on a disk of this machine."""
    given = os.environ.get("ICEBENCH_OUTBOX")
    return Path(given).expanduser().absolute() if given else ROOT / "results" / "outbox"


def attempts(root: Path) -> Iterator[Path]:
    """Folders of all attempts with something to send, oldest first; clears away what a killed removal left."""

    def age(path: Path) -> float:
        try:
            return path.stat().st_mtime
        except FileNotFoundError:  # its sender has just removed it
            return 0.0

    for path in sorted(root.iterdir(), key=age) if root.is_dir() else ():
        if path.name.startswith(_GONE):
            shutil.rmtree(path, ignore_errors=True)
        elif (path / _NAME).is_file():
            yield path


def first_record(folder: Path) -> StartRecord | None:
    """The first record of an attempt that another process may hold; None if it was sent, or killed while it wrote."""
    try:
        with (folder / _NAME).open("rb") as file:
            first = _read(file.readline(), folder)
    except FileNotFoundError:
        return None
    return first if isinstance(first, StartRecord) else None


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())


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


def _read(line: bytes, folder: Path) -> Record | None:
    try:
        return from_line(line)
    except ValueError as error:
        raise OutboxError(
            f"another version of this project wrote the journal {str(folder / _NAME)!r}: send it with that version"
        ) from error


def _read_sent(path: Path) -> Sent:
    """Without a readable note everything is sent again, which changes nothing at the server."""
    try:
        return Sent.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return Sent()
