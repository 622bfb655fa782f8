"""`NodeCache`: decoded arrays that all trials of a node share, one memory-mapped file each, bounded in size.

A chunk of a lake costs a decode (and perhaps a request) every time that it is read; eight trials of one node
would pay it eight times. Here the first process decodes an array into a file, and all others map the same pages. Where
that takes too much room, the file holds the array compressed, in squares that cost a fraction of a chunk's decode.

Only time depends on what is in the cache: finished arrays may be removed at any moment, also while trials run. What a
process has mapped stays valid after the file is gone (on Linux); the disk gets the room back with the last map.
"""

import logging
import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from datasets.access import local_path
from datasets.errors import CacheError
from datasets.loading.array_file import ArrayFile
from datasets.loading.cache_folder import (
    array_path,
    hold,
    make,
    make_own,
    part_path,
    reserve,
    slot_of,
    used_bytes,
    writing,
)
from datasets.loading.compressed_file import CompressedArray, CompressedFile
from datasets.process.machine import FULL_DISK, open_files, usable_memory

_LOG = logging.getLogger(__name__)

_MOST_BYTES: Final = 128 << 30
"""The published training set of 512 scenes at ratio 2 takes 80 GB: six bytes per pixel of SAR, zones and one chart."""

_ANSWER_SECONDS: Final = 60.0
"""Seconds for which an answer is reused without a call to the disk; a new look notes the use and sees evictions."""

_MOST_ANSWERS: Final = 16384
"""A process may have 65530 maps, the default of Linux."""


_FULL: Final = (
    "the disk of the cache %s is full (%s): arrays without room are read from the lake; set a smaller "
    "ICEBENCH_CACHE_GB or another ICEBENCH_CACHE"
)


Held = TypeVar("Held")
Held_co = TypeVar("Held_co", covariant=True)
Fill = Callable[[], Iterable[NDArray[Any]]]


class HoldingFile(Protocol[Held_co]):
    """A file of one array: `ArrayFile` or `CompressedFile`."""

    @property
    def path(self) -> Path:
        """Where."""

    @property
    def length(self) -> int:
        """Bytes at most."""

    def open(self) -> Held_co | None:
        """Maps it; None if it is not there, torn, or of another shape or dtype."""

    def write(self, pieces: Iterable[NDArray[Any]], part: Path) -> None:
        """Writes it in `part`, and shows it in one step."""


@dataclass
class _Memory:
    """What one process remembers of the cache: when it looked for an array and what it found, when it got no room."""

    answers: dict[tuple[str, str, tuple[int, ...], np.dtype[Any]], tuple[float, Any]] = field(default_factory=dict)
    guard: Lock = field(default_factory=Lock)
    refused: tuple[float, int] = (-math.inf, 0)
    warned: bool = False


@dataclass(frozen=True, kw_only=True)
class NodeCache:
    """Decoded arrays of a node. Cheap to copy to another process; any number of processes and threads may use it.

    Attributes:
        folder: On a disk of the node; made when first needed, for this user only.
        max_bytes: Of all arrays together, those in the making included.
    """

    folder: Path
    max_bytes: int
    _memory: _Memory = field(default_factory=_Memory, init=False, repr=False, compare=False)

    def __reduce__(self) -> tuple[Callable[[], "NodeCache"], tuple[()]]:
        """Another process maps the files itself."""
        return partial(NodeCache, folder=self.folder, max_bytes=self.max_bytes), ()

    @classmethod
    def default(cls) -> "NodeCache | None":
        """The cache that the environment variables describe.

        `ICEBENCH_CACHE` is its folder; empty or `none` means no cache. `ICEBENCH_CACHE_GB` is its size in 10^9 bytes.
        Without them: `icebench-cache-<uid>` in the system's folder for temporary files, and what `default_bytes` says.

        Raises:
            CacheError: The folder cannot be made or belongs to another user, or the size is not a positive number.
        """
        given = os.environ.get("ICEBENCH_CACHE")
        if given is not None and given.strip().lower() in ("", "none"):
            return None
        if given is None:
            folder = Path(tempfile.gettempdir()) / f"icebench-cache-{os.getuid()}"
            make_own(folder)
        else:
            folder = local_path(Path(given)).expanduser().resolve()
            make(folder)
        size = os.environ.get("ICEBENCH_CACHE_GB", "").strip()
        if size:
            return cls(folder=folder, max_bytes=_to_bytes(size))
        room = shutil.disk_usage(folder).free + cls(folder=folder, max_bytes=0).used_bytes()
        return cls(folder=folder, max_bytes=default_bytes(usable_memory(), room))

    def array(self, key: str, shape: tuple[int, ...], dtype: np.dtype[Any], fill: Fill) -> NDArray[Any] | None:
        """Gives the array of a key, decoded by `fill` if nobody has it yet.

        Cheap enough to be called for every window; a caller that keeps the array hides its use from the cache.

        Args:
            key: Its content never changes: the lake's digest or the scene's fingerprint, ratio and variable are in it.
            shape: Of the array.
            dtype: Of the array, of fixed size.
            fill: Makes the array: its values in C order, in pieces of which one is held at a time. Others may be
                waiting for it, so it must not use a cache itself.

        Returns:
            The array, memory-mapped, read-only, C order; None when the cache has no room for it: read from the lake.

        Raises:
            CacheError: The folder cannot be written.
            ValueError: `fill` gave fewer or more values, or another dtype.
        """
        return self._held(ArrayFile, ".npy", key, shape, dtype, fill)

    def compressed(self, key: str, shape: tuple[int, ...], dtype: np.dtype[Any], fill: Fill) -> CompressedArray | None:
        """As `array`, of whole numbers (planes, lines, samples), in a third to a half of the room."""
        return self._held(CompressedFile, ".squares", key, shape, dtype, fill)

    def _held(
        self,
        kind: Callable[[Path, tuple[int, ...], np.dtype[Any]], HoldingFile[Held]],
        suffix: str,
        key: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        fill: Fill,
    ) -> Held | None:
        memory, place = self._memory, (suffix, key, shape, dtype)
        values: Held | None
        since, values = memory.answers.get(place, (-math.inf, None))
        if time.monotonic() - since < _ANSWER_SECONDS:
            return values
        file = kind(array_path(self.folder, key, suffix), shape, np.dtype(dtype))
        values = file.open()
        if values is None and file.length <= self.max_bytes and not self._is_full(file.length):
            values = self._build(file, fill)
        with memory.guard:
            memory.answers.pop(place, None)
            while len(memory.answers) >= _most_answers():
                del memory.answers[next(iter(memory.answers))]
            memory.answers[place] = (time.monotonic(), values)
        return values

    def used_bytes(self) -> int:
        """Bytes of all arrays, those in the making included."""
        return used_bytes(self.folder)

    def _build(self, file: HoldingFile[Held], fill: Fill) -> Held | None:
        part = part_path(file.path, file.length)
        slot = slot_of(file.path.stem)
        try:
            with hold(self.folder, slot):
                values = file.open()  # somebody may have built it while we waited
                if values is not None:
                    return values
                with writing(self.folder):
                    file.path.unlink(missing_ok=True)  # torn, or of another shape
                if reserve(part, file.length, max_bytes=self.max_bytes, slot=slot):
                    try:
                        file.write(fill(), part)
                    finally:
                        part.unlink(missing_ok=True)
                    return file.open()
        except OSError as error:
            if error.errno not in FULL_DISK:
                raise
            # Once, and not for each of thousands of arrays.
            level = logging.DEBUG if self._memory.warned else logging.WARNING
            self._memory.warned = True
            _LOG.log(level, _FULL, self.folder, error)
        self._memory.refused = (time.monotonic(), file.length)
        return None

    def _is_full(self, length: int) -> bool:
        """Whether room for this size was refused just now; then the next array does not ask again."""
        since, refused = self._memory.refused
        return length >= refused and time.monotonic() - since < _ANSWER_SECONDS


def default_bytes(memory: int, disk: int) -> int:
    """Size of a cache where the user gives none: 128 GiB, half of the memory or half of the disk, whichever is least.

    Arrays are mapped, so they serve patches from memory. One that the kernel has dropped from it is read again page by
    page, a thousand for a patch, and that takes longer than to decode the patch from the lake.

    Args:
        memory: Bytes that this process may use.
        disk: Bytes that the disk would have free without the cache.
    """
    return min(_MOST_BYTES, memory // 2, disk // 2)


def _most_answers() -> int:
    """Every map holds a file descriptor (Python's does): a quarter of what the process may have."""
    return min(_MOST_ANSWERS, max(open_files() // 4, 1))


def _to_bytes(size: str) -> int:
    try:
        number = float(size)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise CacheError(
            f"ICEBENCH_CACHE_GB is {size!r}, and must be a positive number of gigabytes: correct it, or set "
            "ICEBENCH_CACHE to `none` for no cache"
        )
    return int(number * 1e9)
