"""A cache in a folder of a test, what is asked of it, and the files that it leaves."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.loading.node_cache import NodeCache

HEADER = 128
"""Bytes of a .npy header for simple dtypes."""


def cache_in(folder: Path, max_bytes: int = 1 << 20) -> NodeCache:
    return NodeCache(folder=folder, max_bytes=max_bytes)


def ramp(size: int = 1000) -> NDArray[np.float32]:
    return np.arange(size, dtype=np.float32)


def ask(
    cache: NodeCache, key: str, values: NDArray[Any] | None = None, fill: Callable[[], NDArray[Any]] | None = None
) -> NDArray[Any] | None:
    values = ramp() if values is None else values
    return cache.array(key, values.shape, values.dtype, lambda: [values if fill is None else fill()])


def never() -> NDArray[Any]:
    raise AssertionError("decoded again")


def files(folder: Path, suffix: str) -> list[Path]:
    return sorted(folder.glob(f"*{suffix}"))


def age(folder: Path, seconds: float) -> None:
    """As if so much time had gone by."""
    for path in files(folder, ".npy"):
        os.utime(path, (path.stat().st_mtime - seconds,) * 2)
