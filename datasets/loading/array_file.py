"""One array as one plain `.npy` file that is mapped instead of read. Below `datasets.loading.node_cache`."""

import io
import math
import mmap
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_NOTE_SECONDS: Final = 60.0
"""The use of a file is noted once in this time, however many processes open it."""


@dataclass(frozen=True)
class ArrayFile:
    """A `.npy` file of known content: its header and length follow from shape and dtype, so anything else is torn.

    Attributes:
        path: Where.
        shape: Of the array, in C order.
        dtype: Of the array, of fixed size.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __post_init__(self) -> None:
        if self.dtype.hasobject:
            raise ValueError(f"an array of {self.dtype} cannot be mapped: give it a dtype of fixed size")

    @cached_property
    def _header(self) -> bytes:
        buffer = io.BytesIO()
        descr = np.lib.format.dtype_to_descr(self.dtype)
        np.lib.format.write_array_header_1_0(buffer, {"descr": descr, "fortran_order": False, "shape": self.shape})
        return buffer.getvalue()

    @property
    def length(self) -> int:
        """Bytes of the file."""
        return len(self._header) + math.prod(self.shape) * self.dtype.itemsize

    def open(self) -> NDArray[Any] | None:
        """Maps the array, read-only, and notes the use in the file's time of change.

        The header is compared, not parsed, and the result is no `np.memmap`, whose windows cost more to take.

        Returns:
            None if the file is not there, torn, or of another shape or dtype.
        """
        pages = mapped(self.path, self._header)
        if pages is None or len(pages) != self.length:
            return None
        return np.ndarray(self.shape, self.dtype, buffer=pages, offset=len(self._header))

    def write(self, pieces: Iterable[NDArray[Any]], part: Path) -> None:
        """Writes the array beside its place and shows it in one step.

        By plain writes that grow the file, not through a map of its full length: so a full disk is an error and no
        signal, and what a power cut leaves is too short and found by `open`.

        Args:
            pieces: The array in C order, cut anywhere; one is held at a time.
            part: Where it is written.

        Raises:
            ValueError: The values are fewer or more than the array has, or of another dtype.
        """
        written = 0
        with part.open("wb") as file:
            file.write(self._header)
            for piece in pieces:
                if piece.dtype != self.dtype:
                    raise ValueError(f"{self.path.name} is to hold {self.dtype}, and was given {piece.dtype}")
                written += piece.size
                file.write(np.ascontiguousarray(piece).reshape(-1).view(np.uint8).data)
                del piece  # before the next one is made
        if written != math.prod(self.shape):
            raise ValueError(f"{self.path.name} is to hold {self.shape}, and was given {written} values")
        part.replace(self.path)


def mapped(path: Path, header: bytes) -> mmap.mmap | None:
    """Maps a file, read-only, and notes the use in its time of change; None unless it is there with this header."""
    try:
        with path.open("rb") as file:
            if file.read(len(header)) != header:
                return None
            pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            if time.time() - os.fstat(file.fileno()).st_mtime > _NOTE_SECONDS:
                with suppress(PermissionError):  # somebody else's file in a shared folder: they note their own use
                    os.utime(file.fileno())
    except (FileNotFoundError, NotADirectoryError):
        return None
    return pages
