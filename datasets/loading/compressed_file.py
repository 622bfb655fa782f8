"""One array of whole numbers as a file of compressed squares, a third to a half of its bytes; below `node_cache`.

A chunk of the lake has 512 pixels a side, so that few requests fetch it, and zstd, so that it is small: a patch of 256
decodes nine pixels for each of its own. Here squares are small and LZ4 decodes them at the speed of memory, nearly.
LZ4 finds repetition and no noise: radar noise around -20 dB takes nine bits of an int16, so the numbers of a square are
held from its middle, and nearly all of them differ in their lower byte only.
"""

import math
import mmap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from datasets.errors import CacheError
from datasets.loading.array_file import mapped
from datasets.stores.shard_layout import bounds_of, cut

_SIDES: Final = {1: 256, 2: 128}
"""Pixels along a square, by bytes of a number: charts and zones compress to so little that fewer squares are faster."""

_OVERHEAD: Final = 16
"""Bytes by which Blosc makes longer what it cannot compress."""

_SAMPLED: Final = 8
"""Every so manieth line and sample of a square tells its middle."""


@dataclass(frozen=True)
class CompressedFile:
    """A file of squares of (planes, lines, samples); what does not begin and end as it must is torn.

        one line of text: version, shape and dtype
        the squares, each by Blosc, by plane, line and sample
        offsets of the squares and of this table, uint64; what was subtracted from each square, in its dtype

    Attributes:
        path: Where.
        shape: Of the array: planes, lines, samples.
        dtype: Of the array, whole numbers of one or two bytes.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def side(self) -> int:
        """Pixels along a square; those at the end of a line or column may have fewer."""
        return _SIDES[self.dtype.itemsize]

    @property
    def grid(self) -> tuple[int, int, int]:
        """Squares along planes, lines and samples."""
        planes, lines, samples = self.shape
        return planes, -(-lines // self.side), -(-samples // self.side)

    @cached_property
    def _header(self) -> bytes:
        return f"icebench squares 1 {self.side} {self.shape} {self.dtype.str}\n".encode("ascii")

    @property
    def _table_bytes(self) -> int:
        return 8 + (8 + self.dtype.itemsize) * math.prod(self.grid)

    @property
    def length(self) -> int:
        """Bytes of the file at most."""
        squares = math.prod(self.shape) * self.dtype.itemsize + _OVERHEAD * math.prod(self.grid)
        return len(self._header) + squares + self._table_bytes

    def open(self) -> "CompressedArray | None":
        """Maps the file and notes the use; None if it is not there, torn, or of another shape or dtype."""
        pages, number = mapped(self.path, self._header), math.prod(self.grid)
        if pages is None or (table := len(pages) - self._table_bytes) < len(self._header):
            return None
        offsets = np.frombuffer(pages, "<u8", number + 1, table)
        if (offsets[0], offsets[-1]) != (len(self._header), table):
            return None
        bases = np.frombuffer(pages, self.dtype, number, table + offsets.nbytes)
        return CompressedArray(self, pages, offsets, bases)

    def write(self, pieces: Iterable[NDArray[Any]], part: Path) -> None:
        """Writes the array beside its place and shows it in one step.

        Args:
            pieces: The array in C order, cut anywhere; one is held at a time, and a row of squares.
            part: Where it is written.

        Raises:
            ValueError: The values are fewer or more than the array has, or of another dtype.
        """
        side = self.side
        codec = _codec(self.dtype.itemsize)
        offsets: list[int] = [len(self._header)]
        bases: list[Any] = []
        with part.open("wb") as file:
            file.write(self._header)
            for strip in self._strips(pieces):
                for start in range(0, self.shape[2], side):
                    square = strip[:, start : start + side]
                    base = _base(square)
                    bases.append(base)
                    offsets.append(offsets[-1] + file.write(codec.encode(square - base)))
            file.write(np.array(offsets, "<u8").tobytes() + np.array(bases, self.dtype).tobytes())
        part.replace(self.path)

    def _strips(self, pieces: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
        """Rows of squares as arrays of whole lines, plane by plane; each is overwritten by the next."""
        planes, lines, samples = self.shape
        heights = [min(self.side, lines - first) for first in range(0, lines, self.side)] * planes
        buffer = np.empty(self.side * samples, self.dtype)
        waiting, filled, done = iter(pieces), 0, 0
        wrong = f"{self.path.name} is to hold {self.shape} {self.dtype}, and was given"
        while (piece := next(waiting, None)) is not None:
            if piece.dtype != self.dtype:
                raise ValueError(f"{wrong} {piece.dtype}")
            flat = np.ascontiguousarray(piece).reshape(-1)
            del piece  # before the next one is made
            while flat.size:
                if done == len(heights):
                    raise ValueError(f"{wrong} more values")
                taken = min(heights[done] * samples - filled, flat.size)
                buffer[filled : filled + taken] = flat[:taken]
                flat, filled = flat[taken:], filled + taken
                if filled == heights[done] * samples:
                    yield buffer[:filled].reshape(-1, samples)
                    done, filled = done + 1, 0
            del flat
        if done < len(heights):
            raise ValueError(f"{wrong} too few values")


class CompressedArray:
    """A mapped `CompressedFile`: reads windows, by any number of threads."""

    def __init__(
        self, file: CompressedFile, pages: mmap.mmap, offsets: NDArray[np.uint64], bases: NDArray[Any]
    ) -> None:
        from numcodecs.blosc import decompress

        self._file, self._pages = file, memoryview(pages)
        self._offsets, self._bases = offsets, bases
        self._decompress = decompress

    def read(self, plane: int, lines: slice, samples: slice, out: NDArray[Any]) -> None:
        """Reads a window of one plane into `out`, (h, w).

        Raises:
            CacheError: The file is damaged.
        """
        shape, side = self._file.shape[1:], self._file.side
        _, rows, columns = self._file.grid
        room = np.empty(side * side, self._file.dtype)
        for (row, column), (piece,) in cut((side, side), (side, side), bounds_of(shape, (lines, samples))):
            height, width = min(side, shape[0] - row * side), min(side, shape[1] - column * side)
            square = room[: height * width]
            number = (plane * rows + row) * columns + column
            try:
                self._decompress(self._pages[self._offsets[number] : self._offsets[number + 1]], square)
            except (RuntimeError, ValueError) as error:  # what Blosc says of bytes that are no square
                raise CacheError(
                    f"{str(self._file.path)!r} in the cache of decoded scenes is damaged: remove it, it is made again"
                ) from error
            np.add(square.reshape(height, width)[piece.source], self._bases[number], out=out[piece.target])

    def window(self, plane: int, lines: slice, samples: slice) -> NDArray[Any]:
        """A window of one plane, (h, w)."""
        bounds = bounds_of(self._file.shape[1:], (lines, samples))
        out = np.empty([stop - start for start, stop in bounds], self._file.dtype)
        self.read(plane, lines, samples, out)
        return out


def _base(square: NDArray[Any]) -> Any:  # noqa: ANN401 - a number of the array
    """What is subtracted from a square, so that most of its numbers are 0 to 255; all arithmetic wraps around."""
    if square.itemsize == 1:
        return square.dtype.type(0)
    middle = int(np.median(square[::_SAMPLED, ::_SAMPLED]))
    return np.int64(middle - 128).astype(square.dtype)


@cache
def _codec(itemsize: int) -> Any:  # noqa: ANN401 - numcodecs is untyped
    """One block for each square, so that Blosc starts no threads for it."""
    import numcodecs

    return numcodecs.Blosc("lz4", 5, numcodecs.Blosc.SHUFFLE, _SIDES[itemsize] ** 2 * itemsize)
