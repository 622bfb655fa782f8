"""The raster of polygon ids, for every way in which a file can mark `no polygon`.

How the archive stores polygon_icechart is not documented: decoded it is float32 with NaN. So every plausible form is
read. Some values mean `no polygon` by convention only: 0, 255, 65535, the largest value of the stored type, any
negative number. They are taken so only in a chart stored as integers, which has no NaN, and only if no code row has
this id: ids of real charts may be 0 or 255.
"""

from collections.abc import Set as AbstractSet
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from datasets.sigrid import NO_POLYGON
from ingest.errors import RawSceneError

_CONVENTIONS: Final = (0, 255, 65535)

_STRIP: Final = 1 << 15
"""Values at a time, so that the passes over them stay in the processor's cache."""


def to_polygon_ids(
    values: NDArray[Any], *, stored: np.dtype[Any], coded: AbstractSet[int], what: str
) -> NDArray[np.uint16]:
    """Converts decoded chart values to ids.

    Args:
        values: Any shape; float with NaN (or what `_FillValue` marked as such) for no polygon, or integers.
        stored: Type on disk.
        coded: Ids that have a row in polygon_codes.
        what: For messages: the variable and its file.

    Returns:
        uint16 of the same shape, `NO_POLYGON` where there is none.

    Raises:
        RawSceneError: A value is no id.
    """
    if np.issubdtype(stored, np.floating):
        ids = _plain_ids(values)
        if ids is not None:
            return ids
    if np.issubdtype(values.dtype, np.floating):
        numbers = np.where(np.isnan(values), values.dtype.type(NO_POLYGON), values)
    else:
        numbers = values.astype(np.int64)
    if np.issubdtype(stored, np.integer):
        unmarked = {*_CONVENTIONS, int(np.iinfo(stored).max)} - coded
        numbers[(numbers < 0) | np.isin(numbers, sorted(unmarked))] = NO_POLYGON
    if numbers.size and (numbers.min() < 0 or numbers.max() > NO_POLYGON):
        raise RawSceneError(
            f"{what} holds ids from {numbers.min()} to {numbers.max()}, allowed are 0 to {NO_POLYGON - 1}: "
            "take the file from the archive again"
        )
    ids = numbers.astype(np.uint16)
    if (ids != numbers).any():
        raise RawSceneError(f"{what} holds ids that are not whole: take the file from the archive again")
    return ids


def _plain_ids(values: NDArray[np.floating]) -> NDArray[np.uint16] | None:
    """Ids where every value is one, or NaN for no polygon; None where a value is not."""
    ids = np.empty(values.shape, np.uint16)
    flat, target = values.reshape(-1), ids.reshape(-1)
    for start in range(0, flat.size, _STRIP):
        strip, found = flat[start : start + _STRIP], target[start : start + _STRIP]
        missing = np.isnan(strip)
        with np.errstate(invalid="ignore"):
            found[...] = strip
        same = found == strip
        same |= missing
        if not same.all():
            return None
        np.copyto(found, np.uint16(NO_POLYGON), where=missing)
    return ids
