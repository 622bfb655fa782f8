"""Windows of many arrays of one store at once, straight from their shards.

zarr reads one array after the other and, of a shard that is not needed whole, one chunk after the other: a patch of six
channels in object storage would wait for some thirty answers in turn. Here all shards that are mostly needed whole and
the indexes of all others are asked for together, then all chunks together, and decoded side by side. Shards on disk
that are not compressed are mapped, and the window is copied from there. Only the layout that a lake has is read here
(Zarr v3 `sharding_indexed` with its index at the end, little-endian bytes, Blosc or nothing); all else is left to zarr.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import prod
from typing import Any, Final, NamedTuple

import numcodecs
import numpy as np
from numpy.typing import NDArray

from datasets.access import is_url
from datasets.errors import DamagedSceneError
from datasets.process.threads import threads
from datasets.storage import read_ranges
from datasets.stores.mapped_shards import map_shard
from datasets.stores.shard_index import ABSENT, decode_index
from datasets.stores.shard_layout import Piece, Place, ShardedArray, Window, bounds_of, cut

_CODEC: Final = numcodecs.Blosc()
"""Decodes every Blosc chunk: how it was encoded is written in it."""


class _Part(NamedTuple):
    """The part of one shard that a window needs."""

    array: ShardedArray
    key: str
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

    def fill(self, piece: Piece, values: NDArray[Any] | None) -> None:
        """Copies what the window needs of one chunk; None is a chunk of nothing but the fill value."""
        self.result[piece.target] = self.array.fill if values is None else values[piece.source]


def read_windows(
    url: str,
    objects: Mapping[str, int],
    wanted: Sequence[tuple[ShardedArray, Window]],
    out: Sequence[NDArray[Any] | None],
) -> list[NDArray[Any]]:
    """Reads a window of each array.

    Args:
        url: Of the store.
        objects: Size in bytes of every object of the store, by its key; a shard that is not in it is all fill value.
        wanted: Arrays and windows.
        out: Where the values go, as large as their window inside the array; None makes an array of the dtype as stored.

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
        result = np.empty(shape, array.dtype) if given is None else given
        if result.shape != shape:
            raise ValueError(f"a window of {shape} of {array.key} does not go into an array of {result.shape}")
        results.append(result)
        parts += [
            _Part(array, "/".join((array.key, "c", *map(str, place))), place, pieces, result)
            for place, pieces in cut(array.shard, array.chunk, bounds)
        ]
    stored, remote = [], is_url(url)
    for part in parts:
        size = objects.get(part.key)
        if size is None:
            for piece in part.pieces:
                part.fill(piece, None)
        elif remote or part.array.compressed:
            stored.append(part)
        else:
            _copy_mapped(url, size, part)
    if stored:
        with ThreadPoolExecutor(threads()) as pool:
            for _ in pool.map(lambda job: _decode(url, *job), _stored_chunks(url, objects, stored)):
                pass
    return results


def _copy_mapped(url: str, size: int, part: _Part) -> None:
    array = part.array
    shard = map_shard(f"{url}/{part.key}", size, array)
    if shard is None:
        raise _damaged(url, part.key)
    result, fill, chunk_of = part.result, array.fill, shard.chunk
    try:
        for chunk, source, target in part.pieces:
            values = chunk_of(chunk)
            result[target] = fill if values is None else values[source]
    except ValueError as error:
        raise _damaged(url, part.key) from error


def _stored_chunks(
    url: str, objects: Mapping[str, int], parts: Sequence[_Part]
) -> Iterator[tuple[_Part, Piece, memoryview | None]]:
    """Fetches shards and indexes in one round of requests, and chunks of the latter in a second one."""
    whole = [part.is_mostly_needed for part in parts]
    ends = [objects[part.key] for part in parts]
    ranges = [
        (part.key, 0 if all_of_it else end - part.array.index_bytes, end)
        for part, all_of_it, end in zip(parts, whole, ends, strict=True)
    ]
    fetched = _read(url, ranges)
    later: list[tuple[_Part, Piece, int, int]] = []
    for part, all_of_it, content in zip(parts, whole, fetched, strict=True):
        index = _index(url, part, content)
        for piece in part.pieces:
            offset, length = map(int, index[piece.chunk])
            if offset == ABSENT:
                yield part, piece, None
            elif offset + length > objects[part.key] - part.array.index_bytes:
                raise _damaged(url, part.key)
            elif all_of_it:
                yield part, piece, memoryview(content)[offset : offset + length]
            else:
                later.append((part, piece, offset, offset + length))
    chunks = _read(url, [(part.key, start, end) for part, _, start, end in later])
    for (part, piece, _, _), content in zip(later, chunks, strict=True):
        yield part, piece, memoryview(content)


def _read(url: str, ranges: Sequence[tuple[str, int, int]]) -> list[bytes]:
    found = read_ranges([(f"{url}/{key}", start, end) for key, start, end in ranges])
    for (key, start, end), content in zip(ranges, found, strict=True):
        if content is None or len(content) != end - start:
            raise _damaged(url, key)
    return [content for content in found if content is not None]


def _index(url: str, part: _Part, content: bytes) -> NDArray[np.uint64]:
    """Offset and length of the chunks of a shard, by the place of the chunk."""
    index = decode_index(content, part.array.grid)
    if index is None:
        raise _damaged(url, part.key)
    return index


def _decode(url: str, part: _Part, piece: Piece, content: memoryview | None) -> None:
    if content is None:
        part.fill(piece, None)
        return
    try:
        plain = _CODEC.decode(content) if part.array.compressed else content
        values = np.frombuffer(plain, part.array.dtype).reshape(part.array.chunk)
    except (RuntimeError, ValueError) as error:  # what Blosc and numpy say of bytes that are not a chunk
        raise _damaged(url, part.key) from error
    part.fill(piece, values)


def _damaged(url: str, key: str) -> DamagedSceneError:
    return DamagedSceneError(
        f"{key} of the scene store at {url!r} is gone or damaged: see what else is with `python -m ingest verify LAKE "
        "--discard`, then build the scene again"
    )
