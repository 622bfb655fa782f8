"""What the C library does with memory that is freed."""

import ctypes
from contextlib import suppress
from typing import Final

_TRIM, _MMAP = -1, -3  # malloc.h
_KEPT: Final = 1 << 27
"""Bytes at the end of the heap that are kept when they are free."""
_OF_HEAP: Final = 1 << 25
"""Bytes of a block up to which it is taken from the heap; the C library allows no more."""


def keep_freed_memory() -> None:
    """Lets this process use freed blocks again; does nothing where there is no C library of GNU.

    Dask's nannies have workers give every freed block back at once (MALLOC_TRIM_THRESHOLD_). Each next one then comes
    from the system anew, zeroed page by page, which takes half of a build's processor time.
    """
    with suppress(AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_TRIM, _KEPT)
        library.mallopt(_MMAP, _OF_HEAP)
