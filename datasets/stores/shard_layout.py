"""How an array of a lake lies in its shards, and which part of which chunk a window of it needs."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from typing import Any, Final, NamedTuple

import numpy as np

from datasets.stores.shard_index import index_bytes

Window = tuple[slice, ...]
"""One slice an axis, without a step; axes that are left out are read whole."""

Place = tuple[int, ...]
Bounds = tuple[tuple[int, int], ...]

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
        fill: Value of chunks and shards that are not stored.
        compressed: Whether chunks are Blosc's; else they are the values themselves.
    """

    key: str
    shape: tuple[int, ...]
    shard: tuple[int, ...]
    chunk: tuple[int, ...]
    dtype: np.dtype[Any]
    fill: Any
    compressed: bool = True

    @cached_property
    def grid(self) -> tuple[int, ...]:
        """Chunks of a shard along each axis."""
        return tuple(size // chunk for size, chunk in zip(self.shard, self.chunk, strict=True))

    @property
    def index_bytes(self) -> int:
        """Size of the index at the end of a shard."""
        return index_bytes(self.grid)


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
            "data_type": "uint8" | "float32" | "float64" as name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": tuple(shard)}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "codecs": (
                {
                    "name": "sharding_indexed",
                    "configuration": {
                        "chunk_shape": tuple(chunk),
                        "codecs": ({"name": "bytes"} as order, *compressors),
                        "index_codecs": ({"name": "bytes"}, {"name": "crc32c"}),
                        "index_location": "end",
                    },
                },
            ),
        } if order.get("configuration", _LITTLE) == _LITTLE and [each["name"] for each in compressors] in (
            [],
            ["blosc"],
        ):
            return ShardedArray(
                key=key,
                shape=shape,
                shard=shard,
                chunk=chunk,
                dtype=np.dtype(name).newbyteorder("<"),
                fill=fill,
                compressed=bool(compressors),
            )
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


def bounds_of(shape: tuple[int, ...], window: Window) -> tuple[tuple[int, int], ...]:
    """First index and the one after the last along each axis, inside the array."""
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
