"""One array of whole numbers as a file of compressed squares, a third to a half of its bytes; below `node_cache`.

A chunk of the lake has 512 pixels a side, so that few requests fetch it, and zstd, so that it is small: a patch of 256
decodes nine pixels for each of its own. Here squares are small, and one holds all planes, so that LZ4 decodes a patch
of both polarizations in nine calls at nearly the speed of memory.

LZ4 finds repetition and no noise: of the sixteen bits of an int16, radar noise of one level takes eight or nine. So the
numbers of a square are held from near its middle, and byte by byte (shuffle): the upper bytes are nearly all alike.
Only where noise reaches into them are they held bit by bit (bitshuffle), which takes several times as long to decode.
"""

import math
import mmap
from collections.abc import Iterable, Sequence
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

_FAST_IS_WORTH: Final = 1.05
"""Squares are held by bytes unless that takes more than so many times the room."""


@dataclass(frozen=True)
class CompressedFile:
    """A file of squares of (planes, lines, samples); what does not begin and end as it must is torn.

        one line of text: version, side of a square, shape and dtype
        the squares of all planes, each by Blosc, by line and sample; nothing of one whose planes are each all alike
        offsets of the squares and of this table, uint64; what was subtracted from each plane of them, in its dtype

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
    def grid(self) -> tuple[int, int]:
        """Squares along lines and samples."""
        _, lines, samples = self.shape
        return -(-lines // self.side), -(-samples // self.side)

    @cached_property
    def _header(self) -> bytes:
        return f"icebench squares 2 {self.side} {self.shape} {self.dtype.str}\n".encode("ascii")

    @property
    def _table_bytes(self) -> int:
        return 8 + (8 + self.shape[0] * self.dtype.itemsize) * math.prod(self.grid)

    @property
    def length(self) -> int:
        """Bytes of the file at most."""
        squares = math.prod(self.shape) * self.dtype.itemsize + _OVERHEAD * math.prod(self.grid)
        return len(self._header) + squares + self._table_bytes

    def open(self) -> "CompressedArray | None":
        """Maps the file and notes the use; None if it is not there, torn, or of another layout, shape or dtype."""
        pages, number = mapped(self.path, self._header), math.prod(self.grid)
        if pages is None or (table := len(pages) - self._table_bytes) < len(self._header):
            return None
        offsets = np.frombuffer(pages, "<u8", number + 1, table)
        if (offsets[0], offsets[-1]) != (len(self._header), table):
            return None
        bases = np.frombuffer(pages, self.dtype, number * self.shape[0], table + offsets.nbytes)
        return CompressedArray(self, pages, offsets, bases.reshape(number, -1, 1, 1))

    def write(self, pieces: Iterable[NDArray[Any]], part: Path) -> None:
        """Writes the array beside its place and shows it in one step.

        Args:
            pieces: (planes, some lines, samples), whole squares each but for the last lines; one is held at a time.
            part: Where it is written.

        Raises:
            ValueError: The lines are fewer or more than the array has, or of another shape or dtype.
        """
        planes, lines, samples = self.shape
        side, done = self.side, 0
        offsets: list[int] = [len(self._header)]
        bases: list[list[Any]] = []
        with part.open("wb") as file:
            file.write(self._header)
            for piece in pieces:
                if done % side or (len(piece), piece.shape[2], piece.dtype) != (planes, samples, self.dtype):
                    raise ValueError(self._refusal(f"{piece.shape} {piece.dtype} from line {done} on"))
                for line in range(0, piece.shape[1], side):
                    for sample in range(0, samples, side):
                        square = piece[:, line : line + side, sample : sample + side]
                        bases.append([_base(plane) for plane in square])
                        rest = square - np.array(bases[-1], self.dtype)[:, None, None]
                        offsets.append(offsets[-1] + file.write(_encoded(rest) if rest.any() else b""))
                done += piece.shape[1]
                del piece, square  # before the next one is made
            if done != lines:
                raise ValueError(self._refusal(f"{done} lines"))
            file.write(np.array(offsets, "<u8").tobytes() + np.array(bases, self.dtype).tobytes())
        part.replace(self.path)

    def _refusal(self, given: str) -> str:
        return f"{self.path.name} is to hold {self.shape} {self.dtype}, and was given {given}"


class CompressedArray:
    """A mapped `CompressedFile`: reads windows, by any number of threads."""

    def __init__(
        self, file: CompressedFile, pages: mmap.mmap, offsets: NDArray[np.uint64], bases: NDArray[Any]
    ) -> None:
        from numcodecs.blosc import decompress

        self._path, self._shape, self._dtype, self._side = file.path, file.shape, file.dtype, file.side
        self._columns = file.grid[1]
        self._pages, self._offsets, self._bases = memoryview(pages), offsets, bases
        self._decompress = decompress

    def read(
        self, lines: slice, samples: slice, out: NDArray[Any], planes: slice | Sequence[int] = slice(None)
    ) -> None:
        """Reads a window of some planes, or of all, into `out`, (planes, h, w).

        Raises:
            CacheError: The file is damaged.
        """
        (count, *shape), side = self._shape, self._side
        room = np.empty(count * side * side, self._dtype)
        for (row, column), (piece,) in cut((side, side), (side, side), bounds_of(tuple(shape), (lines, samples))):
            number = row * self._columns + column
            start, stop = self._offsets[number : number + 2].tolist()
            target, base = out[:, *piece.target], self._bases[number][planes]
            if start == stop:
                target[...] = base
                continue
            height, width = min(side, shape[0] - row * side), min(side, shape[1] - column * side)
            square = room[: count * height * width]
            try:
                self._decompress(self._pages[start:stop], square)
            except (RuntimeError, ValueError) as error:  # what Blosc says of bytes that are no square
                raise CacheError(
                    f"{str(self._path)!r} in the cache of decoded scenes is damaged: remove it, it is made again"
                ) from error
            np.add(square.reshape(count, height, width)[planes, *piece.source], base, out=target)

    def window(self, lines: slice, samples: slice) -> NDArray[Any]:
        """A window of all planes, (planes, h, w)."""
        bounds = bounds_of(self._shape[1:], (lines, samples))
        out = np.empty([self._shape[0], *(stop - start for start, stop in bounds)], self._dtype)
        self.read(lines, samples, out)
        return out


def _base(plane: NDArray[Any]) -> Any:  # noqa: ANN401 - a number of the array
    """What is subtracted from a square, so that most of its numbers are small; all arithmetic wraps around."""
    if (plane == plane[0, 0]).all():
        return plane[0, 0]
    if plane.itemsize == 1:
        return plane.dtype.type(0)
    middle = int(np.median(plane[::_SAMPLED, ::_SAMPLED]))
    return np.int64(middle - _BELOW).astype(plane.dtype)


def _encoded(square: NDArray[Any]) -> bytes:
    """A square by bytes, or by bits where that takes clearly less room; what decodes it is said in its header."""
    from numcodecs import Blosc

    fast: bytes = _codec(Blosc.SHUFFLE, square.nbytes).encode(square)
    if square.itemsize == 1:
        return fast
    small: bytes = _codec(Blosc.BITSHUFFLE, square.nbytes).encode(square)
    return fast if len(fast) <= _FAST_IS_WORTH * len(small) else small


@cache
def _codec(shuffle: int, block: int) -> Any:  # noqa: ANN401 - numcodecs is untyped
    """One block for each square, so that Blosc starts no threads for it."""
    from numcodecs import Blosc

    return Blosc("lz4", _LEVEL, shuffle, block)
