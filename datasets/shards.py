"""Windows of many arrays of one store at once, straight from their shards.

zarr reads one array after the other and, of a shard that is not needed whole, one chunk after the other: a patch of six
channels in object storage would wait for some thirty answers in turn. Here all shards that are mostly needed whole and
the indexes of all others are asked for together, then all chunks together, and decoded side by side. Only the
one layout that a lake has is read here (Zarr v3 `sharding_indexed` with its index at the end, little-endian bytes,
Blosc); everything else is left to zarr.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, Final

import google_crc32c
import numcodecs
import numpy as np
from numpy.typing import NDArray

from datasets.errors import DamagedSceneError
from datasets.storage import read_ranges

Window = tuple[slice, ...]
"""One slice an axis, without a step; axes that are left out are read whole."""

_ABSENT: Final = 2**64 - 1
"""Offset of a chunk that holds nothing but the fill value."""

_CHECKSUM: Final = 4
"""Bytes of the CRC-32C that ends an index."""

_LITTLE: Final = {"endian": "little"}

_CODEC: Final = numcodecs.Blosc()
"""Decodes every Blosc chunk: how it was encoded is written in it."""


@dataclass(frozen=True, kw_only=True)
class ShardedArray:
    """What has to be known of an array to read it.

    Attributes:
        key: Below the store, `r2/SOD`.
        shape: Of the array.
        shard: Shape of one shard, whole chunks.
        chunk: Shape of one chunk.
        dtype: As stored, little-endian.
        fill: Value of chunks and shards that are not stored.
    """

    key: str
    shape: tuple[int, ...]
    shard: tuple[int, ...]
    chunk: tuple[int, ...]
    dtype: np.dtype[Any]
    fill: Any

    @property
    def grid(self) -> tuple[int, ...]:
        """Chunks of a shard along each axis."""
        return tuple(size // chunk for size, chunk in zip(self.shard, self.chunk, strict=True))

    @property
    def index_bytes(self) -> int:
        """Size of the index at the end of a shard: offset and length of each chunk, and a checksum."""
        return 16 * prod(self.grid) + _CHECKSUM


def layout_of(key: str, document: Any, fill: Any) -> ShardedArray | None:  # noqa: ANN401 - JSON
    """How to read an array without zarr.

    Args:
        key: Below the store.
        document: Metadata of the array as zarr has it.
        fill: Fill value of the array's type.

    Returns:
        None if it is laid out in another way than `datasets.store_writer.SceneWriter` does.
    """
    match document:
        case {
            "shape": tuple(shape),
            "data_type": "uint8" | "float32" | "float64" as name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": tuple(shard)}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "codecs": (
                {
                    "name": "sharding_indexed",
                    "configuration": {
                        "chunk_shape": tuple(chunk),
                        "codecs": ({"name": "bytes"} as order, {"name": "blosc"}),
                        "index_codecs": ({"name": "bytes"}, {"name": "crc32c"}),
                        "index_location": "end",
                    },
                },
            ),
        } if order.get("configuration", _LITTLE) == _LITTLE:
            dtype = np.dtype(name).newbyteorder("<")
            return ShardedArray(key=key, shape=shape, shard=shard, chunk=chunk, dtype=dtype, fill=fill)
        case _:
            return None


@dataclass(frozen=True, kw_only=True)
class _Part:
    """The part of one shard that a window needs."""

    array: ShardedArray
    place: tuple[int, ...]
    bounds: tuple[tuple[int, int], ...]
    result: NDArray[Any]

    @property
    def key(self) -> str:
        return "/".join((self.array.key, "c", *map(str, self.place)))

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """Chunks that the window touches, counted along each axis of the shard."""
        return tuple(product(*(range(start, stop) for start, stop in self._touched())))

    @property
    def is_mostly_needed(self) -> bool:
        """Whether one request for the whole shard beats asking for its index first."""
        inside = (
            min(grid, -(-(size - place * shard) // chunk))
            for grid, size, place, shard, chunk in zip(
                self.array.grid, self.array.shape, self.place, self.array.shard, self.array.chunk, strict=True
            )
        )
        return 2 * len(self.chunks) >= prod(inside)

    def fill(self, chunk: tuple[int, ...], values: NDArray[Any] | None) -> None:
        """Copies what the window needs of one chunk; None is a chunk of nothing but the fill value."""
        source, target = [], []
        for k, (start, stop) in enumerate(self.bounds):
            origin = self.place[k] * self.array.shard[k] + chunk[k] * self.array.chunk[k]
            first, last = max(start, origin), min(stop, origin + self.array.chunk[k])
            source.append(slice(first - origin, last - origin))
            target.append(slice(first - start, last - start))
        self.result[tuple(target)] = self.array.fill if values is None else values[tuple(source)]

    def _touched(self) -> Iterator[tuple[int, int]]:
        for (start, stop), place, shard, chunk in zip(
            self.bounds, self.place, self.array.shard, self.array.chunk, strict=True
        ):
            origin = place * shard
            yield (max(start, origin) - origin) // chunk, -(-(min(stop, origin + shard) - origin) // chunk)


def read_windows(
    url: str, objects: Mapping[str, int], wanted: Sequence[tuple[ShardedArray, Window]], *, threads: int
) -> list[NDArray[Any]]:
    """Reads a window of each array.

    Args:
        url: Of the store.
        objects: Size in bytes of every object of the store, by its key; a shard that is not in it is all fill value.
        wanted: Arrays and windows.
        threads: How many chunks are decoded at a time.

    Returns:
        In order of `wanted`, each as large as its window inside the array, dtype as stored.

    Raises:
        DamagedSceneError: A shard is gone, shorter than it was, or not what was written.
    """
    results, parts = [], []
    for array, window in wanted:
        bounds = _bounds(array.shape, window)
        result = np.empty([stop - start for start, stop in bounds], array.dtype)
        results.append(result)
        if result.size:
            touched = (range(a // shard, -(-b // shard)) for (a, b), shard in zip(bounds, array.shard, strict=True))
            parts += [_Part(array=array, place=place, bounds=bounds, result=result) for place in product(*touched)]
    jobs: list[tuple[_Part, tuple[int, ...], memoryview | None]] = [
        (part, chunk, None) for part in parts if part.key not in objects for chunk in part.chunks
    ]
    jobs += _stored_chunks(url, objects, [part for part in parts if part.key in objects])
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(lambda job: _decode(url, *job), jobs):
            pass
    return results


def _stored_chunks(
    url: str, objects: Mapping[str, int], parts: Sequence[_Part]
) -> Iterator[tuple[_Part, tuple[int, ...], memoryview | None]]:
    """Fetches shards and indexes in one round of requests, and chunks of the latter in a second one."""
    whole = [part.is_mostly_needed for part in parts]
    ends = [objects[part.key] for part in parts]
    ranges = [
        (part.key, 0 if all_of_it else end - part.array.index_bytes, end)
        for part, all_of_it, end in zip(parts, whole, ends, strict=True)
    ]
    fetched = _read(url, ranges)
    later: list[tuple[_Part, tuple[int, ...], int, int]] = []
    for part, all_of_it, content in zip(parts, whole, fetched, strict=True):
        index = _index(url, part, content)
        for chunk in part.chunks:
            offset, length = map(int, index[chunk])
            if offset == _ABSENT:
                yield part, chunk, None
            elif offset + length > objects[part.key] - part.array.index_bytes:
                raise _damaged(url, part.key)
            elif all_of_it:
                yield part, chunk, memoryview(content)[offset : offset + length]
            else:
                later.append((part, chunk, offset, offset + length))
    chunks = _read(url, [(part.key, start, end) for part, _, start, end in later])
    for (part, chunk, _, _), content in zip(later, chunks, strict=True):
        yield part, chunk, memoryview(content)


def _read(url: str, ranges: Sequence[tuple[str, int, int]]) -> list[bytes]:
    found = read_ranges([(f"{url}/{key}", start, end) for key, start, end in ranges])
    for (key, start, end), content in zip(ranges, found, strict=True):
        if content is None or len(content) != end - start:
            raise _damaged(url, key)
    return [content for content in found if content is not None]


def _index(url: str, part: _Part, content: bytes) -> NDArray[np.uint64]:
    """Offset and length of the chunks of a shard, by the place of the chunk."""
    index = content[len(content) - part.array.index_bytes : -_CHECKSUM]
    if google_crc32c.value(index) != int.from_bytes(content[-_CHECKSUM:], "little"):
        raise _damaged(url, part.key)
    return np.frombuffer(index, "<u8").reshape(*part.array.grid, 2)


def _decode(url: str, part: _Part, chunk: tuple[int, ...], content: memoryview | None) -> None:
    if content is None:
        part.fill(chunk, None)
        return
    try:
        values = np.frombuffer(_CODEC.decode(content), part.array.dtype).reshape(part.array.chunk)
    except (RuntimeError, ValueError) as error:  # what Blosc and numpy say of bytes that are not a chunk
        raise _damaged(url, part.key) from error
    part.fill(chunk, values)


def _bounds(shape: tuple[int, ...], window: Window) -> tuple[tuple[int, int], ...]:
    given = (*window, *(slice(None),) * (len(shape) - len(window)))
    bounds = []
    for size, each in zip(shape, given, strict=True):
        start, stop, step = each.indices(size)
        assert step == 1, f"a window of step {step}"
        bounds.append((start, max(start, stop)))
    return tuple(bounds)


def _damaged(url: str, key: str) -> DamagedSceneError:
    return DamagedSceneError(
        f"{key} of the scene store at {url!r} is gone or damaged: see what else is with `python -m ingest verify LAKE "
        "--discard`, then build the scene again"
    )
