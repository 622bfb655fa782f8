"""Layout of an array in its shards: which part of which chunk a window needs, and the index of a shard.

A shard is chunks, one after the other, then a table of their offsets and lengths, then the checksum of that table (Zarr
v3 `sharding_indexed`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from math import prod
from typing import Any, Final, NamedTuple

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from datasets.stores.packing import Packing

Window = tuple[slice, ...]
"""One slice for each axis, without a step; axes that are left out are read whole."""

Place = tuple[int, ...]
"""Number of a chunk or shard along each axis."""

Bounds = tuple[tuple[int, int], ...]
"""First index and the one after the last along each axis."""

ABSENT: Final = 2**64 - 1
"""Offset and length of a chunk that is not stored: it holds nothing but the fill value."""

_CHECKSUM: Final = 4
"""Bytes of the CRC-32C that ends an index."""

_LITTLE: Final = {"endian": "little"}


@dataclass(frozen=True, kw_only=True)
class ShardedArray:
    """What has to be known of an array to read it.

    Attributes:
        key: Below the store, `r2/SOD`.
        shape: Of the array.
        shard: Shape of one shard, whole chunks.
        chunk: Shape of one chunk.
        dtype: As stored, little-endian.
        fill: Value of chunks and shards that are not stored, as stored.
        packing: How stored numbers become physical values; None where they are the values.
    """

    key: str
    shape: tuple[int, ...]
    shard: tuple[int, ...]
    chunk: tuple[int, ...]
    dtype: np.dtype[Any]
    fill: Any
    packing: Packing | None = None

    @cached_property
    def grid(self) -> tuple[int, ...]:
        """Chunks of a shard along each axis."""
        return tuple(size // chunk for size, chunk in zip(self.shard, self.chunk, strict=True))

    @property
    def missing(self) -> Any:  # noqa: ANN401 - a number of the array
        """What a reader gets where no chunk is stored: NaN of a packed array, else the fill value."""
        return self.fill if self.packing is None else np.nan

    @property
    def index_bytes(self) -> int:
        """Size of the index at the end of a shard."""
        return 16 * prod(self.grid) + _CHECKSUM


def layout_of(key: str, document: Any, fill: Any) -> ShardedArray | None:  # noqa: ANN401 - JSON
    """How to read an array without zarr.

    Args:
        key: Below the store.
        document: Metadata of the array as zarr has it.
        fill: Fill value of the array's type.

    Returns:
        None if it is laid out in another way than `datasets.stores.scene_writer.SceneWriter` does.
    """
    match document:
        case {
            "shape": tuple(shape),
            "data_type": "uint8" | "int16" | "uint16" | "float32" | "float64" as name,
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
            packing = Packing.of(name, document.get("attributes", {}))
            return ShardedArray(key=key, shape=shape, shard=shard, chunk=chunk, dtype=dtype, fill=fill, packing=packing)
        case _:
            return None


class Piece(NamedTuple):
    """What a window needs of one chunk.

    Attributes:
        chunk: Place of the chunk in its shard.
        source: Part of the chunk.
        target: Part of the window.
    """

    chunk: Place
    source: Window
    target: Window


def bounds_of(shape: tuple[int, ...], window: Window) -> Bounds:
    """Where a window of an array of this shape begins and ends, inside the array."""
    given = (*window, *(slice(None),) * (len(shape) - len(window)))
    bounds = []
    for size, each in zip(shape, given, strict=True):
        start, stop, step = each.indices(size)
        assert step == 1, f"a window of step {step}"
        bounds.append((start, max(start, stop)))
    return tuple(bounds)


@lru_cache(maxsize=64)  # the channels of a patch are cut alike
def cut(shard: tuple[int, ...], chunk: tuple[int, ...], bounds: Bounds) -> tuple[tuple[Place, tuple[Piece, ...]], ...]:
    """Cuts a window into pieces of chunks, by the place of the shard."""
    axes = [list(_segments(*each)) for each in zip(shard, chunk, bounds, strict=True)]
    pieces: dict[Place, list[Piece]] = {}
    for segments in product(*axes):
        place, inside, source, target = zip(*segments, strict=True)
        pieces.setdefault(place, []).append(Piece(inside, source, target))
    return tuple((place, tuple(found)) for place, found in pieces.items())


def _segments(shard: int, chunk: int, bounds: tuple[int, int]) -> Iterator[tuple[int, int, slice, slice]]:
    """Along one axis: shard, chunk in it, part of the chunk, part of the window."""
    start, stop = bounds
    for k in range(start // chunk, -(-stop // chunk) if start < stop else 0):
        origin = k * chunk
        first, last = max(start, origin), min(stop, origin + chunk)
        place, inside = divmod(k, shard // chunk)
        yield place, inside, slice(first - origin, last - origin), slice(first - start, last - start)


def empty_index(grid: tuple[int, ...]) -> NDArray[np.uint64]:
    """(*grid, 2) offsets and lengths of a shard that holds no chunk yet."""
    return np.full((*grid, 2), ABSENT, "<u8")


def encode_index(index: NDArray[np.uint64]) -> bytes:
    """The index as a shard ends with it."""
    table = index.tobytes()
    checksum: bytes = google_crc32c.value(table).to_bytes(_CHECKSUM, "little")
    return table + checksum


def decode_index(content: bytes, array: ShardedArray) -> NDArray[np.uint64] | None:
    """(*grid, 2) offsets and lengths from the last bytes of a shard, or from all; None if the checksum is another."""
    table = content[len(content) - array.index_bytes : -_CHECKSUM]
    if google_crc32c.value(table) != int.from_bytes(content[-_CHECKSUM:], "little"):
        return None
    return np.frombuffer(table, "<u8").reshape(*array.grid, 2)
