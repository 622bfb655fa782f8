"""Windows of many arrays of one store at once, straight from their shards.

zarr reads one array after the other and, of a shard that is not needed whole, one chunk after the other: a patch of six
channels in object storage would wait for some thirty answers in turn. Here all shards that are mostly needed whole and
the indexes of all others are requested together, then all chunks together, and decoded side by side. Only the layout
that a lake has is read here (Zarr v3 `sharding_indexed` with its index at the end, little-endian bytes, Blosc); all
else is left to zarr.
"""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from math import prod
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.errors import DamagedSceneError
from datasets.process.threads import threads
from datasets.storage import read_ranges
from datasets.stores.shard_layout import ABSENT, Piece, Place, ShardedArray, Window, bounds_of, cut, decode_index

Indexes = MutableMapping[str, NDArray[np.uint64]]
"""Indexes of the shards of one store that were read before, by key: a patch then takes one round of requests."""

_FEW: Final = 32
"""Chunks that are decoded by the thread that asks: those of a patch. To start threads for them takes longer."""


@cache
def _codec() -> Any:  # noqa: ANN401 - numcodecs is untyped
    """Decodes every Blosc chunk: how it was encoded is written in it."""
    import numcodecs

    return numcodecs.Blosc()


class _Part(NamedTuple):
    """The part of one stored shard that a window needs.

    Attributes:
        array: Of which it is.
        store: URL of the store.
        key: Of the shard, below the store.
        size: Bytes of the shard.
        place: Of the shard in the array.
        pieces: What is needed of it.
        result: The window.
    """

    array: ShardedArray
    store: str
    key: str
    size: int
    place: Place
    pieces: tuple[Piece, ...]
    result: NDArray[Any]

    @property
    def is_mostly_needed(self) -> bool:
        """Whether one request for the whole shard beats asking for its index first."""
        inside = (
            min(grid, -(-(size - place * shard) // chunk))
            for grid, size, place, shard, chunk in zip(
                self.array.grid, self.array.shape, self.place, self.array.shard, self.array.chunk, strict=True
            )
        )
        return 2 * len(self.pieces) >= prod(inside)

    @property
    def end_of_chunks(self) -> int:
        """Where the index begins."""
        return self.size - self.array.index_bytes

    def damage(self) -> DamagedSceneError:
        """What is raised when the shard is not what was written."""
        return DamagedSceneError(
            f"{self.key} of the scene store at {self.store!r} is gone or damaged: see what else is with `python -m "
            "ingest verify LAKE --discard`, then build the scene again"
        )


def read_windows(
    url: str,
    objects: Mapping[str, int],
    wanted: Sequence[tuple[ShardedArray, Window]],
    out: Sequence[NDArray[Any] | None],
    *,
    packed: bool = False,
    indexes: Indexes | None = None,
) -> list[NDArray[Any]]:
    """Reads a window of each array, in physical units.

    Args:
        url: Of the store.
        objects: Size in bytes of every object of the store, by its key; a shard that is not in it is all fill value.
        wanted: Arrays and windows.
        out: Where the values go, as large as their window inside the array; None makes an array: float32 for packed
            ones, else of the dtype as stored.
        packed: Gives packed arrays as they are stored, in whole numbers.
        indexes: What was read of the store before; more is added.

    Returns:
        In order of `wanted`.

    Raises:
        DamagedSceneError: A shard is gone, shorter than it was, or not what was written.
    """
    results: list[NDArray[Any]] = []
    parts: list[_Part] = []
    earlier: tuple[tuple[int, ...], Window] | None = None
    for (array, window), given in zip(wanted, out, strict=True):
        if earlier != (array.shape, window):  # channels of a patch have the same
            earlier = (array.shape, window)
            bounds = bounds_of(array.shape, window)
            shape = tuple(stop - start for start, stop in bounds)
        array = replace(array, packing=None) if packed else array
        result = np.empty(shape, array.dtype if array.packing is None else np.float32) if given is None else given
        if result.shape != shape:
            raise ValueError(f"a window of {shape} of {array.key} does not go into an array of {result.shape}")
        results.append(result)
        for place, pieces in cut(array.shard, array.chunk, bounds):
            key = "/".join((array.key, "c", *map(str, place)))
            if key in objects:
                parts.append(_Part(array, url, key, objects[key], place, pieces, result))
            else:
                for piece in pieces:
                    result[piece.target] = array.missing
    chunks = _stored_chunks(parts, {} if indexes is None else indexes)
    if sum(len(part.pieces) for part in parts) <= _FEW:
        for chunk in chunks:
            _decode(*chunk)
    else:
        with ThreadPoolExecutor(threads()) as pool:
            for _ in pool.map(lambda chunk: _decode(*chunk), chunks):
                pass
    return results


def _stored_chunks(parts: Sequence[_Part], indexes: Indexes) -> Iterator[tuple[_Part, Piece, memoryview | None]]:
    """Fetches shards and unknown indexes in one round of requests, and chunks of the others in a second one.

    Yields:
        Part, piece and encoded chunk; None for a chunk of nothing but the fill value.
    """
    whole = [part.is_mostly_needed for part in parts]
    needed = [
        (part, 0 if all_of_it else part.end_of_chunks, part.size)
        for part, all_of_it in zip(parts, whole, strict=True)
        if all_of_it or part.key not in indexes
    ]
    fetched = dict(zip((part.key for part, _, _ in needed), _read(needed), strict=True))
    later: list[tuple[_Part, Piece, int, int]] = []
    for part, all_of_it in zip(parts, whole, strict=True):
        content = fetched.get(part.key, b"")
        index = decode_index(content, part.array) if content else indexes[part.key]
        if index is None:
            raise part.damage()
        if not all_of_it:
            indexes[part.key] = index
        for piece in part.pieces:
            offset, length = map(int, index[piece.chunk])
            if offset == ABSENT:
                yield part, piece, None
            elif offset + length > part.end_of_chunks:
                raise part.damage()
            elif all_of_it:
                yield part, piece, memoryview(content)[offset : offset + length]
            else:
                later.append((part, piece, offset, offset + length))
    chunks = _read([(part, start, end) for part, _, start, end in later])
    for (part, piece, _, _), content in zip(later, chunks, strict=True):
        yield part, piece, memoryview(content)


def _read(ranges: Sequence[tuple[_Part, int, int]]) -> list[bytes]:
    """Parts of shards: first byte, and the byte after the last."""
    found = read_ranges([(f"{part.store}/{part.key}", start, end) for part, start, end in ranges])
    contents = []
    for (part, start, end), content in zip(ranges, found, strict=True):
        if content is None or len(content) != end - start:
            raise part.damage()
        contents.append(content)
    return contents


def _decode(part: _Part, piece: Piece, content: memoryview | None) -> None:
    """Puts a chunk where the window needs it."""
    if content is None:
        part.result[piece.target] = part.array.missing
        return
    if int.from_bytes(content[12:16], "little") != len(content):  # a shard that was replaced since its index was read
        raise part.damage()
    try:
        values = np.frombuffer(_codec().decode(content), part.array.dtype).reshape(part.array.chunk)
    except (RuntimeError, ValueError) as error:  # what Blosc and numpy say of bytes that are not a chunk
        raise part.damage() from error
    if part.array.packing is None:
        part.result[piece.target] = values[piece.source]
    else:
        part.array.packing.unpack(values[piece.source], part.result[piece.target])
