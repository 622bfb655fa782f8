"""Shards of one array, encoded: the bytes that zarr would write, without its copies of the array.

zarr fills a new array for every shard and every chunk before it encodes them, one after the other in one thread, which
costs half as much as encoding. Here a chunk is encoded from where it lies, on as many threads as there are. The layout
is that of `datasets.stores.shards`; chunks lie in a shard in zarr's order, so that both write the same bytes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.stores.shard_layout import Place, empty_index, encode_index


def encoded_shards(
    values: NDArray[np.generic],
    *,
    chunk: tuple[int, ...],
    shard: tuple[int, ...],
    fill: float,
    encode: Callable[[NDArray[np.generic]], bytes | memoryview],
    threads: int,
) -> Iterator[tuple[Place, bytearray]]:
    """Encodes an array shard by shard; one is held at a time.

    Args:
        values: The array, of little-endian or single-byte values.
        chunk: Shape of a chunk.
        shard: Shape of a shard, whole chunks.
        fill: What chunks are padded with at the end of the array; one of nothing else is not stored.
        encode: One chunk, contiguous; called on several threads.
        threads: How many.

    Yields:
        Place of the shard along each axis, and its bytes; shards without a stored chunk are left out.
    """
    empty = empty_chunks(values, chunk, fill)
    grid = tuple(side // part for side, part in zip(shard, chunk, strict=True))
    last = tuple(-(-size // part) for size, part in zip(values.shape, chunk, strict=True))

    def encoded(place: Place) -> bytes | memoryview | None:
        if place in empty or any(k >= end for k, end in zip(place, last, strict=True)):
            return None
        return encode(_padded(values, place, chunk, fill))

    with ThreadPoolExecutor(threads) as pool:
        for corner in product(*(range(-(-size // side)) for size, side in zip(values.shape, shard, strict=True))):
            inside = morton_order(grid)
            places = [tuple(c * g + k for c, g, k in zip(corner, grid, each, strict=True)) for each in inside]
            content = _assembled(grid, inside, pool.map(encoded, places))
            if content is not None:
                yield corner, content


def empty_chunks(values: NDArray[np.generic], chunk: Sequence[int], fill: float) -> set[Place]:
    """Chunks that hold only the fill value. The first value nearly always decides, so few are read as a whole."""

    def filled(part: NDArray[Any]) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = np.isnan(part) if np.isnan(fill) else part == fill
        return found

    firsts = filled(values[tuple(slice(None, None, side) for side in chunk)])
    places = (tuple(place) for place in np.argwhere(firsts).tolist())
    return {place for place in places if bool(filled(values[_inside(place, chunk)]).all())}


@lru_cache
def morton_order(grid: tuple[int, ...]) -> tuple[Place, ...]:
    """Places of a grid in the order in which zarr stores them ("compressed Morton code").

    By the interleaved bits of their coordinates, lowest first and the first axis before the second; of an axis as many
    bits as its largest coordinate has.
    """
    bits = [(size - 1).bit_length() for size in grid]
    turns = [(bit, axis) for bit in range(max(bits, default=0)) for axis, many in enumerate(bits) if bit < many]

    def code(place: Place) -> int:
        return sum((place[axis] >> bit & 1) << k for k, (bit, axis) in enumerate(turns))

    return tuple(sorted(product(*map(range, grid)), key=code))


def _padded(values: NDArray[np.generic], place: Place, chunk: tuple[int, ...], fill: float) -> NDArray[np.generic]:
    part = values[_inside(place, chunk)]
    if part.shape == chunk:
        return np.ascontiguousarray(part)
    whole = np.full(chunk, fill, values.dtype)
    whole[tuple(map(slice, part.shape))] = part
    return whole


def _inside(place: Place, chunk: Sequence[int]) -> tuple[slice, ...]:
    return tuple(slice(k * side, (k + 1) * side) for k, side in zip(place, chunk, strict=True))


def _assembled(
    grid: tuple[int, ...], places: Sequence[Place], chunks: Iterable[bytes | memoryview | None]
) -> bytearray | None:
    """Chunks one after the other, then the index of their offsets and lengths, then its checksum.

    It grows as chunks come, so that each is freed at once: a hundred of them would be twice the shard.
    """
    index = empty_index(grid)
    content = bytearray()
    for place, chunk in zip(places, chunks, strict=True):
        if chunk is not None:
            index[place] = len(content), len(chunk)
            content += chunk
    if not content:
        return None
    content += encode_index(index)
    return content
