"""One array of whole numbers as a file of compressed squares, a third to a half of its bytes; below `node_cache`.

A chunk of the lake has 512 pixels a side, so that few requests fetch it, and zstd, so that it is small: a patch of 256
decodes nine pixels for each of its own. Here squares are small and LZ4 decodes them at the speed of memory, nearly.
LZ4 finds repetition and no noise: of the sixteen bits of an int16, radar noise of one level takes eight or nine. So the
numbers of a square are held from near its middle, and bit by bit (bitshuffle): the upper bits are nearly all alike.
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

_LEVEL: Final = 9
"""Of Blosc: the highest takes as long to decode as any other, and no longer to encode than noise does anyway."""

_SAMPLED: Final = 8
"""Every so manieth line and sample of a square tells its middle."""

_BELOW: Final = 128
"""Numbers are held from so far below the middle: 4 dB of SAR, so that few are negative, whose upper bits are others."""


@dataclass(frozen=True)
class CompressedFile:
    """A file of squares of (planes, lines, samples); what does not begin and end as it must is torn.

        one line of text: version, side of a square, shape and dtype
        the squares, each by Blosc, by plane, line and sample; of one whose numbers are all alike nothing
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
                    alike = (square == square[0, 0]).all()
                    bases.append(square[0, 0] if alike else _base(square))
                    offsets.append(offsets[-1] + file.write(b"" if alike else codec.encode(square - bases[-1])))
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

        self._path, self._shape, self._dtype, self._side = file.path, file.shape[1:], file.dtype, file.side
        _, self._rows, self._columns = file.grid
        self._pages, self._offsets, self._bases = memoryview(pages), offsets, bases
        self._decompress = decompress

    def read(self, plane: int, lines: slice, samples: slice, out: NDArray[Any]) -> None:
        """Reads a window of one plane into `out`, (h, w).

        Raises:
            CacheError: The file is damaged.
        """
        shape, side = self._shape, self._side
        room = np.empty(side * side, self._dtype)
        for (row, column), (piece,) in cut((side, side), (side, side), bounds_of(shape, (lines, samples))):
            number = (plane * self._rows + row) * self._columns + column
            start, stop = self._offsets[number : number + 2].tolist()
            if start == stop:
                out[piece.target] = self._bases[number]
                continue
            height, width = min(side, shape[0] - row * side), min(side, shape[1] - column * side)
            square = room[: height * width]
            try:
                self._decompress(self._pages[start:stop], square)
            except (RuntimeError, ValueError) as error:  # what Blosc says of bytes that are no square
                raise CacheError(
                    f"{str(self._path)!r} in the cache of decoded scenes is damaged: remove it, it is made again"
                ) from error
            np.add(square.reshape(height, width)[piece.source], self._bases[number], out=out[piece.target])

    def window(self, plane: int, lines: slice, samples: slice) -> NDArray[Any]:
        """A window of one plane, (h, w)."""
        bounds = bounds_of(self._shape, (lines, samples))
        out = np.empty([stop - start for start, stop in bounds], self._dtype)
        self.read(plane, lines, samples, out)
        return out


def _base(square: NDArray[Any]) -> Any:  # noqa: ANN401 - a number of the array
    """What is subtracted from a square, so that most of its numbers are small; all arithmetic wraps around."""
    if square.itemsize == 1:
        return square.dtype.type(0)
    middle = int(np.median(square[::_SAMPLED, ::_SAMPLED]))
    return np.int64(middle - _BELOW).astype(square.dtype)


@cache
def _codec(itemsize: int) -> Any:  # noqa: ANN401 - numcodecs is untyped
    """One block for each square, so that Blosc starts no threads for it."""
    from numcodecs import Blosc

    shuffle = Blosc.BITSHUFFLE if itemsize > 1 else Blosc.NOSHUFFLE
    return Blosc("lz4", _LEVEL, shuffle, _SIDES[itemsize] ** 2 * itemsize)
