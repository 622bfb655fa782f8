"""Shards of one array, encoded: the bytes that zarr would write, without its copies of the array.

zarr fills a new array for every shard and every chunk before it encodes them, one after the other in one thread, which
costs half as much as encoding. Here a chunk is encoded from where it lies, or made just before, on as many threads as
there are. The layout is that of `datasets.stores.shards`; chunks lie in a shard in zarr's order, so that both write the
same bytes.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import chain, product

import numpy as np
from numpy.typing import NDArray

from datasets.stores.raster import Raster, Window
from datasets.stores.shard_layout import Place, empty_index, encode_index


def encoded_shards(
    values: Raster,
    *,
    chunk: tuple[int, ...],
    shard: tuple[int, ...],
    fill: float,
    encode: Callable[[NDArray[np.generic]], bytes | memoryview],
    threads: int,
) -> Iterator[tuple[Place, Iterator[bytes | memoryview]]]:
    """Encodes a raster shard by shard.

    Args:
        values: The raster, of little-endian or single-byte values.
        chunk: Shape of a chunk.
        shard: Shape of a shard, whole chunks.
        fill: What chunks are padded with at the end of the raster; one of nothing else is not stored.
        encode: One chunk, contiguous; called on several threads.
        threads: How many.

    Yields:
        Place of the shard along each axis, and its bytes in parts, to be taken before the next shard; shards without a
        stored chunk are left out.
    """
    grid = tuple(side // part for side, part in zip(shard, chunk, strict=True))
    inside = morton_order(grid)

    def encoded(place: Place) -> bytes | memoryview | None:
        window = _window(place, chunk, values.shape)
        if any(part.start >= part.stop for part in window):
            return None
        part = values[window]
        return None if _is_empty(part, fill) else encode(_padded(part, chunk, fill))

    with ThreadPoolExecutor(threads) as pool:
        for corner in product(*(range(-(-size // side)) for size, side in zip(values.shape, shard, strict=True))):
            places = [tuple(c * g + k for c, g, k in zip(corner, grid, each, strict=True)) for each in inside]
            parts = _parts(grid, inside, pool.map(encoded, places))
            first = next(parts, None)
            if first is not None:
                yield corner, chain((first,), parts)


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


def _window(place: Place, chunk: Sequence[int], shape: Sequence[int]) -> Window:
    """Where a chunk lies in the raster; empty beyond its end."""
    return tuple(slice(k * side, min((k + 1) * side, size)) for k, side, size in zip(place, chunk, shape, strict=True))


def _is_empty(part: NDArray[np.generic], fill: float) -> bool:
    """Whether a chunk holds only the fill value. The first value nearly always decides, so few are read as a whole."""

    def filled(values: NDArray[np.generic]) -> bool:
        return bool((np.isnan(values) if np.isnan(fill) else values == fill).all())

    return filled(part[(slice(1),) * part.ndim]) and filled(part)


def _padded(part: NDArray[np.generic], chunk: tuple[int, ...], fill: float) -> NDArray[np.generic]:
    if part.shape == chunk:
        return np.ascontiguousarray(part)
    whole = np.full(chunk, fill, part.dtype)
    whole[tuple(map(slice, part.shape))] = part
    return whole


def _parts(
    grid: tuple[int, ...], places: Sequence[Place], chunks: Iterable[bytes | memoryview | None]
) -> Iterator[bytes | memoryview]:
    """Chunks one after the other, then the index of their offsets and lengths with its checksum; nothing of none."""
    index, offset = empty_index(grid), 0
    for place, chunk in zip(places, chunks, strict=True):
        if chunk is not None:
            index[place] = offset, len(chunk)
            offset += len(chunk)
            yield chunk
    if offset:
        yield encode_index(index)
