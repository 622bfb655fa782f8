"""`Outbox`: what one attempt at a trial has told, on local disk until the tracking server has it. Knows no MLflow.

<outbox>/<attempt>/
    lock             held by who may send: the trial's process while it lives, else `training.tracking.sync`
    journal.jsonl    one line a record (training.tracking.records), only ever appended to
    files/           copies of the files that records name, until all is sent
    sent.json        how much the server has; replaced in one step
"""

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from datasets.process.checkout import ROOT
from training.tracking.journal import Entry, Journal, OutboxError, first_record, on_disk
from training.tracking.records import FileRecord, FinishRecord, Record, StartRecord

_JOURNAL: Final = "journal.jsonl"
_GONE: Final = ".gone-"
"""Begin of the name of a folder that is being removed."""


class Refusal(BaseModel):
    """A record that the server understood and does not take: its place in the journal, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    offset: int
    reason: str


class Progress(BaseModel):
    """How much the server has.

    Attributes:
        run_id: The run, once the server has told it.
        offset: Bytes of the journal that are dealt with.
        count: Records in these bytes.
        refused: Those among them that the server does not take.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str = ""
    offset: int = 0
    count: int = 0
    refused: tuple[Refusal, ...] = ()


def default_outbox() -> Path:
    """ICEBENCH_OUTBOX, else results/outbox of the project; it should be on a disk of this machine."""
    given = os.environ.get("ICEBENCH_OUTBOX")
    return Path(given).expanduser().absolute() if given else ROOT / "results" / "outbox"


def peek(folder: Path) -> StartRecord | None:
    """The first record of an attempt that another process may hold; None if it was sent, or killed while it wrote."""
    return first_record(folder / _JOURNAL)


def attempts(root: Path) -> Iterator[Path]:
    """Folders of all attempts with something to send, oldest first; clears away what a killed removal left."""
    if not root.is_dir():
        return
    for path in sorted(root.iterdir(), key=_age):
        if path.name.startswith(_GONE):
            shutil.rmtree(path, ignore_errors=True)
        elif (path / _JOURNAL).is_file():
            yield path


class Outbox:
    """One attempt's folder, in the hands of the one process that may send it.

    `append`, `keep` and `keep_text` are for those who tell, the rest for the one thread that sends.

    Attributes:
        folder: Of the attempt.
        journal: What was told.
        progress: What of it the server has.
        sent: Records that this process sent.
    """

    def __init__(self, folder: Path, lock: FileLock) -> None:
        self.folder = folder
        self.journal = Journal(folder / _JOURNAL)
        self.progress = _read_progress(folder / "sent.json")
        self.sent = 0
        self._lock = lock
        self._keeping = threading.Lock()
        self._kept = 0
        self._closed = False

    @classmethod
    def create(cls, root: Path, start: StartRecord) -> Self:
        """Makes the folder with its first record; raises OutboxError where that cannot be written."""
        folder = root / start.attempt
        with on_disk(folder):
            folder.mkdir(parents=True)
            lock = FileLock(folder / "lock", thread_local=False)
            lock.acquire(timeout=10)  # a sync that looks at the new folder lets go at once
            outbox = cls(folder, lock)
            outbox.append(start)
        return outbox

    @classmethod
    def take(cls, folder: Path) -> Self | None:
        """Takes the folder of a process that died, cutting off what it had half written; None if one lives."""
        if not (folder / _JOURNAL).is_file():
            return None
        lock = FileLock(folder / "lock", thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None
        if not (folder / _JOURNAL).is_file():  # another removed it, and asking for the lock made the folder again
            lock.release()
            shutil.rmtree(folder, ignore_errors=True)
            return None
        outbox = cls(folder, lock)
        try:
            outbox.journal.cut()
        except OutboxError:
            outbox.close()
            raise
        return outbox

    @property
    def left(self) -> int:
        """Records that are still to be sent, without those refused."""
        return self.journal.told - self.progress.count

    def append(self, record: Record) -> None:
        """Writes a record; raises OutboxError where the disk is full."""
        self.journal.append(record)

    def keep(self, path: Path, folder: str) -> FileRecord:
        """Copies a file, or all files of a folder, and returns the record to append."""
        if not path.exists():
            raise FileNotFoundError(path)
        with on_disk(self.folder):
            place = self._place()
            kept = place / path.name
            if path.is_dir():
                shutil.copytree(path, kept, copy_function=shutil.copyfile)
            else:
                shutil.copyfile(path, kept)
            return FileRecord(kept=str(kept.relative_to(self.folder)), folder=folder, size=size_of(kept))

    def keep_text(self, text: str, name: str) -> FileRecord:
        """Writes a text file of this name (`folder/name` too) and returns the record to append."""
        folder, _, base = name.rpartition("/")
        with on_disk(self.folder):
            kept = self._place() / base
            kept.write_text(text, encoding="utf-8")
            return FileRecord(kept=str(kept.relative_to(self.folder)), folder=folder, size=size_of(kept))

    def settle(self, sent: list[Entry], *, run_id: str = "", refusal: str = "") -> None:
        """Notes that the next entries are with the server, or that it does not take them."""
        before = self.progress
        self.sent += 0 if refusal else len(sent)
        new = tuple(Refusal(offset=entry.start, reason=refusal) for entry in sent) if refusal else ()
        self._note(
            Progress(
                run_id=run_id or before.run_id,
                offset=sent[-1].end,
                count=before.count + len(sent),
                refused=before.refused + new,
            )
        )

    def accept(self, refusal: Refusal) -> None:
        """Notes that the server has taken a record after all."""
        self.sent += 1
        refused = tuple(each for each in self.progress.refused if each != refusal)
        self._note(self.progress.model_copy(update={"refused": refused}))

    def rewind(self) -> None:
        """Notes that the server has nothing: its run is gone, or it is another server."""
        self._note(Progress())

    def finished(self) -> bool:
        """Whether the attempt has told its end."""
        return any(isinstance(entry.record, FinishRecord) for entry in self.journal.entries(0))

    def close(self) -> None:
        """Lets go of the folder; what is left in it can be sent by another process."""
        if not self._closed:
            self._closed = True
            self.journal.close()
            self._lock.release()

    def remove(self) -> None:
        """Removes the folder, in one step for whoever looks."""
        gone = self.folder.with_name(_GONE + self.folder.name)
        with on_disk(self.folder):
            self.folder.rename(gone)
        self.close()
        shutil.rmtree(gone, ignore_errors=True)

    def _place(self) -> Path:
        with self._keeping:
            self._kept += 1
            place = self.folder / "files" / f"{self._kept:06d}"
        place.mkdir(parents=True)
        return place

    def _note(self, progress: Progress) -> None:
        part = self.folder / ".sent.json.part"
        with on_disk(self.folder):
            part.write_text(progress.model_dump_json(), encoding="utf-8")
            part.replace(self.folder / "sent.json")
        self.progress = progress


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # its sender has just removed it
        return 0.0


def _read_progress(path: Path) -> Progress:
    """Without a readable note everything is sent again, which changes nothing at the server."""
    try:
        return Progress.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return Progress()
