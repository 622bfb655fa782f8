"""The folder of a download: its lock, its room, and the notes of what was verified in it."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, TypeAdapter, ValidationError
from rich.filesize import decimal

from datasets.process.folders import nearest, refusal_of
from datasets.process.machine import FULL_DISK
from ingest.download.errors import DiskSpaceError, FolderError

Phase = Literal["checking", "fetching", "fetching again", "unzipping"]
OnProgress = Callable[[str, Phase, int, int], None]
"""Called with the name of a file, what happens to it, its bytes done so far (never fewer than before in one phase), and
all its bytes."""

PART: Final = ".part"
SIDE: Final = ".part.json"
"""Endings of a file that is still being fetched, and of the note of what it is of."""

_LOCK: Final = ".icebench-download.lock"
_NOTES: Final = ".icebench-download.json"


class _Note(BaseModel):
    """A file as it was when its checksum was right; the checksum of hundreds of gigabytes takes minutes."""

    size: int
    mtime_ns: int
    md5: str

    @classmethod
    def of(cls, path: Path, md5: str) -> "_Note":
        stat = path.stat()
        return cls(size=stat.st_size, mtime_ns=stat.st_mtime_ns, md5=md5)


_NoteTable = TypeAdapter(dict[str, _Note])


def check_folder(folder: Path) -> None:
    """Raises FolderError where nothing can be made, before a server is asked for anything; makes nothing itself."""
    if trouble := refusal_of(nearest(folder)):
        raise _unusable(folder, trouble) from trouble


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Makes the folder and keeps other downloads out of it, until the process ends in whatever way.

    Raises:
        FolderError: It cannot be made or written, or another download holds it.
    """
    lock = FileLock(folder / _LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise FolderError(
            f"another download is at work in {str(folder)!r}: wait for it, or give another folder"
        ) from error
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        yield
    finally:
        lock.release()


def _unusable(folder: Path, trouble: OSError) -> FolderError:
    return FolderError(f"{str(folder)!r} cannot be used as a folder ({trouble.strerror}): give one that can be written")


def is_verified(path: Path, md5: str) -> bool:
    """Whether a file was seen to have this checksum and is unchanged since."""
    return _read_notes(path.parent).get(path.name) == _Note.of(path, md5)


def note_verified(path: Path, md5: str) -> None:
    """Notes that a file has this checksum, for as long as its size and time stay as they are."""
    notes = _read_notes(path.parent) | {path.name: _Note.of(path, md5)}
    replace_text(path.parent / _NOTES, _NoteTable.dump_json(notes, indent=1).decode())


def md5_of(path: Path, on_bytes: Callable[[int, int], None]) -> str:
    """MD5 of a file as hex digits; `on_bytes` is called with the bytes read so far and all bytes."""
    size = path.stat().st_size
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        for block in blocks_of(file):
            digest.update(block)
            on_bytes(file.tell(), size)
    return digest.hexdigest()


def blocks_of(file: IO[bytes]) -> Iterator[bytes]:
    """The rest of an open file in pieces of a mebibyte."""
    return iter(lambda: file.read(1 << 20), b"")


def check_space(folder: Path, what: str, *, fetch: int, unzip: int) -> None:
    """Refuses before hours of work what could only fail after them.

    Args:
        folder: Where the files go; it need not be there yet.
        what: Is to be stored, for the message.
        fetch: Bytes still to be fetched.
        unzip: Bytes still to be unpacked.

    Raises:
        DiskSpaceError: The disk has less free space than that.
    """
    disk = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(disk).free
    if fetch + unzip > free:
        parts = f"{decimal(fetch)} to fetch" + (f" and {decimal(unzip)} to unpack" if unzip else "")
        raise DiskSpaceError(
            f"{what} needs {decimal(fetch + unzip)} more in {str(folder)!r} ({parts}), where {decimal(free)} are free: "
            "free some space, give a folder on another disk, or take fewer files with --only"
        )


def refuse_full_disk(error: OSError, folder: Path) -> None:
    """Raises DiskSpaceError for "no space left", which ends all: the next file would fare no better."""
    if error.errno in FULL_DISK:
        raise DiskSpaceError(
            f"the disk of {str(folder)!r} is full: free some space and give the same command, it goes on from here"
        ) from error


def sync_folder(folder: Path) -> None:
    """Makes renames in the folder last through a power cut, where the system offers that."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def replace_text(path: Path, text: str) -> None:
    """Replaces a small file in one step: a reader sees the old text or the new one."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def _read_notes(folder: Path) -> dict[str, _Note]:
    """Notes only spare work: what cannot be read counts as nothing noted."""
    try:
        return _NoteTable.validate_json((folder / _NOTES).read_bytes())
    except (FileNotFoundError, ValidationError):
        return {}
