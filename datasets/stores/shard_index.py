"""The index of a shard: offset and length of each chunk, and a checksum (Zarr v3 `sharding_indexed`, at the end)."""

from math import prod
from typing import Final

import google_crc32c
import numpy as np
from numpy.typing import NDArray

ABSENT: Final = 2**64 - 1
"""Offset and length of a chunk that is not stored: it holds nothing but the fill value."""

_CHECKSUM: Final = 4
"""Bytes of the CRC-32C that ends an index."""


def index_bytes(grid: tuple[int, ...]) -> int:
    """Size of the index of a shard of so many chunks along each axis."""
    return 16 * prod(grid) + _CHECKSUM


def empty_index(grid: tuple[int, ...]) -> NDArray[np.uint64]:
    """(*grid, 2) offsets and lengths of a shard that holds no chunk yet."""
    return np.full((*grid, 2), ABSENT, "<u8")


def encode_index(index: NDArray[np.uint64]) -> bytes:
    """The index as a shard ends with it."""
    table = index.tobytes()
    checksum: bytes = google_crc32c.value(table).to_bytes(_CHECKSUM, "little")
    return table + checksum


def decode_index(content: bytes, grid: tuple[int, ...]) -> NDArray[np.uint64] | None:
    """(*grid, 2) offsets and lengths from the last bytes of a shard, or from all; None if the checksum is another."""
    table = content[len(content) - index_bytes(grid) : -_CHECKSUM]
    if google_crc32c.value(table) != int.from_bytes(content[-_CHECKSUM:], "little"):
        return None
    return np.frombuffer(table, "<u8").reshape(*grid, 2)
