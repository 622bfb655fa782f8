"""Shards of uncompressed chunks on this machine's disk, mapped: a window costs what its own bytes cost."""

import mmap
import os
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from datasets.stores.shard_index import ABSENT, decode_index
from datasets.stores.shard_layout import Place, ShardedArray

_MOST_MAPS: Final = 512
"""Shards that are mapped at a time. Python keeps a file open for each, and many systems allow a process 1024 files."""


class MappedShard:
    """One shard, mapped read-only.

    Args:
        pages: The whole shard.
        index: Offset and length of each chunk.
        array: Of which it is.
    """

    def __init__(self, pages: mmap.mmap, index: NDArray[np.uint64], array: ShardedArray) -> None:
        self._pages = pages
        self._index = index
        self._array = array
        self._chunks: dict[Place, NDArray[Any] | None] = {}

    def chunk(self, place: Place) -> NDArray[Any] | None:
        """A chunk where it lies in the map; None if it is not stored.

        Raises:
            ValueError: It is not of the size of a chunk, or not inside the shard.
        """
        if place not in self._chunks:
            self._chunks[place] = self._mapped(place)
        return self._chunks[place]

    def _mapped(self, place: Place) -> NDArray[Any] | None:
        offset, length = map(int, self._index[place])
        if offset == ABSENT:
            return None
        size = prod(self._array.chunk) * self._array.dtype.itemsize
        if length != size or offset + length > len(self._pages) - self._array.index_bytes:
            raise ValueError(f"chunk {place} has {length} bytes from {offset} on instead of {size} inside the shard")
        return np.ndarray(self._array.chunk, self._array.dtype, self._pages, offset)


def map_shard(path: str, size: int, array: ShardedArray) -> MappedShard | None:
    """Maps a shard, or finds the map of an earlier call if the file is still the same.

    The file is looked at on every call: a map of one that was cut short would end the process when it is read.

    Args:
        path: Of the file.
        size: Bytes that it has.
        array: Of which it is.

    Returns:
        None if it is gone, of another size, or has an index that is not what was written.
    """
    try:
        found = os.stat(path)  # noqa: PTH116 - making a Path costs more than the call
        if found.st_size != size:
            return None
        return _map(path, array, (found.st_dev, found.st_ino, found.st_mtime_ns, size))
    except (FileNotFoundError, NotADirectoryError):
        return None


@lru_cache(maxsize=_MOST_MAPS)
def _map(path: str, array: ShardedArray, identity: tuple[int, ...]) -> MappedShard | None:
    with Path(path).open("rb") as file:
        pages = mmap.mmap(file.fileno(), identity[-1], access=mmap.ACCESS_READ)
    length = array.index_bytes
    index = decode_index(pages[-length:], array.grid) if len(pages) >= length else None
    return None if index is None else MappedShard(pages, index, array)
