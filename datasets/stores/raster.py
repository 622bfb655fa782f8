"""`Raster`: what a scene store can be written from: an array, or something whose windows are made as they are encoded.

A raster of 40 m has 400 MB as float32. Where it follows from something smaller, or value by value from another raster,
one chunk of it at a time stays in the processor's cache, and the memory for the whole is never taken.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

Window = tuple[slice, ...]
"""One slice for each axis, inside the raster, with start and stop."""


class Raster(Protocol):
    """Part of numpy's array that writing needs."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of its values."""

    @property
    def nbytes(self) -> int:
        """Memory that it holds."""

    def __getitem__(self, window: Window, /) -> NDArray[Any]:
        """The values of a window."""


@dataclass(frozen=True)
class ComputedRaster:
    """A raster whose windows are computed when they are asked for, on any thread.

    Attributes:
        shape: Length of each axis.
        dtype: Type of its values.
        nbytes: Memory that it holds: what its windows are made from, as far as nothing else keeps that.
        window: Makes the values of one window.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    nbytes: int
    window: Callable[[Window], NDArray[Any]]

    def __getitem__(self, window: Window, /) -> NDArray[Any]:
        """The values of a window."""
        return self.window(window)


def mapped(raster: Raster, make: Callable[[NDArray[Any]], NDArray[Any]], dtype: DTypeLike | None = None) -> Raster:
    """A raster that follows value by value from another one.

    Args:
        raster: The other one; its windows may not be changed in place.
        make: From the values of a window to new ones, of the same shape.
        dtype: Of the new values; without, that of the other raster.
    """
    kept = raster.dtype if dtype is None else np.dtype(dtype)
    return ComputedRaster(raster.shape, kept, raster.nbytes, lambda window: make(raster[window]))
