"""The folder of a node's cache: its files, its locks, how room is shared, and which user owns it.

    <key>-<hash>.npy            an array; `numpy.load` reads it
    <key>-<hash>.squares        an array in compressed squares; see `datasets.loading.compressed_file`
    <key>-<hash>.<bytes>.part   an array being built, and the room that its builder has reserved
    locks/<slot>.lock           one builder for each array
    locks/room.lock             one process at a time shares out the room
    locks/room.json             what the arrays took at the last look, and what was reserved since

Other files in it are neither counted nor touched.
"""

import hashlib
import json
import logging
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Final, NamedTuple

from filelock import FileLock, Timeout

from datasets.errors import CacheError
from datasets.process.machine import FULL_DISK

_LOG = logging.getLogger(__name__)

_IN_USE_SECONDS: Final = 3600.0
"""Arrays used within this time are not evicted: trials that take turns would evict each other's arrays."""

_LEDGER_SECONDS: Final = 60.0

_SLOTS: Final = 256
"""Lock files of builders; arrays that share one wait for each other. A lock file for each array would stay behind
for every array ever seen, and removing a lock file that somebody may be waiting at breaks the lock."""

_ARRAY: Final = re.compile(r"(.+-[0-9a-f]{24})\.(npy|squares)")
_PART: Final = re.compile(r"(.+-[0-9a-f]{24})\.(\d+)\.part")


class _Array(NamedTuple):
    """An array: bytes, and when somebody used it (seconds since 1970)."""

    path: str
    length: int
    used: float


class _Part(NamedTuple):
    """An array in the making, or what a dead builder left: the bytes reserved for it, and the slot of its lock."""

    path: str
    length: int
    slot: str


def array_path(folder: Path, key: str, suffix: str) -> Path:
    """A name that people can read, and a hash that differs between keys."""
    readable = re.sub(r"[^A-Za-z0-9.]+", "_", key).strip("._")[:80] or "array"
    return folder / f"{readable}-{hashlib.sha256(key.encode()).hexdigest()[:24]}{suffix}"


def part_path(array: Path, length: int) -> Path:
    """Where an array is built; the name, not the size of the file, says how much room it takes in the end."""
    return array.with_name(f"{array.stem}.{length}.part")


def slot_of(stem: str) -> str:
    """Lock of the builder of an array, by the name of its file without suffixes."""
    return f"{int(stem[-24:], 16) % _SLOTS:03d}"


def used_bytes(folder: Path) -> int:
    """Bytes of all arrays, those in the making included."""
    parts, arrays = _look(folder)
    return sum(part.length for part in parts) + sum(array.length for array in arrays)


def reserve(part: Path, length: int, *, max_bytes: int, slot: str) -> bool:
    """Starts a part; if there is no room, it first evicts arrays that nobody used for an hour.

    Args:
        part: See `part_path`.
        length: Bytes of the array.
        max_bytes: Of all arrays together.
        slot: Lock of the part's builder, held by the caller.

    Returns:
        False if there is no room; then nothing is evicted.

    Raises:
        CacheError: The folder cannot be written.
    """
    folder = part.parent
    with hold(folder, "room"), writing(folder):
        now = time.time()
        looked, used = _read_ledger(folder)
        # Listing thousands of arrays costs milliseconds. The ledger never counts too little, since each build reserves.
        if not 0 <= now - looked < _LEDGER_SECONDS or used + length > max_bytes:
            looked, used = now, _make_room(folder, length, max_bytes=max_bytes, slot=slot)
        fits = used + length <= max_bytes
        _ledger_path(folder).write_text(json.dumps([looked, used + length if fits else used]), encoding="ascii")
        if fits:
            part.touch()
        return fits


def _make_room(folder: Path, length: int, *, max_bytes: int, slot: str) -> int:
    """Removes parts of dead builders, then as many old arrays as needed, or none; returns the bytes that remain."""
    parts, arrays = _look(folder)
    used = sum(array.length for array in arrays)
    used += sum(part.length for part in parts if not _remove_if_abandoned(part, slot))
    evicted = []
    for array in sorted(arrays, key=lambda array: array.used):
        if used + length <= max_bytes or time.time() - array.used < _IN_USE_SECONDS:
            break
        evicted.append(array)
        used -= array.length
    if used + length > max_bytes:
        return used + sum(array.length for array in evicted)
    for array in evicted:
        _LOG.debug("evicting %s", array.path)
        Path(array.path).unlink(missing_ok=True)
    return used


def _remove_if_abandoned(part: _Part, own_slot: str) -> bool:
    """Whether the builder of a part has died: its lock is free, or ours by now, and the part is still there."""
    try:
        with nullcontext() if part.slot == own_slot else hold(Path(part.path).parent, part.slot, wait=False):
            Path(part.path).unlink()
    except (Timeout, FileNotFoundError):
        return False
    return True


def _look(folder: Path) -> tuple[list[_Part], list[_Array]]:
    """What is in the folder. Parts first: one that becomes an array during the look is seen twice, never missed."""
    if not folder.is_dir():
        return [], []
    names = [name for name in os.listdir(folder) if name.endswith(".part")]  # noqa: PTH208 (thousands of files)
    matches = [match for name in names if (match := _PART.fullmatch(name))]
    arrays, finished = [], set()
    with os.scandir(folder) as entries:
        for entry in entries:
            if match := _ARRAY.fullmatch(entry.name):
                with suppress(FileNotFoundError):
                    known = entry.stat()
                    arrays.append(_Array(entry.path, known.st_size, known.st_mtime))
                    finished.add(f"{match[1]}.{known.st_size}.part")
    found = [match for match in matches if match[0] not in finished]
    return [_Part(str(folder / match[0]), int(match[2]), slot_of(match[1])) for match in found], arrays


def _ledger_path(folder: Path) -> Path:
    return folder / "locks" / "room.json"


def _read_ledger(folder: Path) -> tuple[float, int]:
    """Time of the last listing, and bytes; without a ledger, a time long ago."""
    try:
        looked, used = json.loads(_ledger_path(folder).read_bytes())
        return float(looked), int(used)
    except (FileNotFoundError, ValueError, TypeError):
        return 0.0, 0


@contextmanager
def hold(folder: Path, name: str, *, wait: bool = True) -> Iterator[None]:
    """Holds a lock of the folder; it is freed however the process ends.

    Raises:
        CacheError: The folder cannot be written.
        filelock.Timeout: Somebody holds it, and we do not wait.
    """
    make(folder / "locks")
    file_lock = FileLock(folder / "locks" / f"{name}.lock")
    with writing(folder):
        file_lock.acquire(timeout=-1 if wait else 0, poll_interval=0.01)
    try:
        yield
    finally:
        file_lock.release()


def make(folder: Path) -> None:
    """Makes a folder that only this user can open; an existing one stays unchanged."""
    with writing(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def make_own(folder: Path) -> None:
    """Makes a folder in a place where every user can; raises CacheError if another user did."""
    make(folder)
    known = folder.lstat()
    if not stat.S_ISDIR(known.st_mode) or known.st_uid != os.getuid():
        raise CacheError(
            f"{str(folder)!r} is not a folder of this user, so nothing in it can be trusted: set ICEBENCH_CACHE to a "
            "folder of yours, or to `none` for no cache"
        )
    folder.chmod(0o700)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns system errors at a folder into CacheError; a full disk stays OSError, which the caller handles."""
    try:
        yield
    except Timeout:
        raise
    except OSError as error:
        if error.errno in FULL_DISK:
            raise
        raise CacheError(
            f"the cache folder {str(folder)!r} cannot be used ({error.strerror}): set ICEBENCH_CACHE to a folder "
            "that can be written, or to `none` for no cache"
        ) from error
