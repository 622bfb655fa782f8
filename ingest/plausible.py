"""Values that no instrument measures become no data, before anything is averaged or counted."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_STRIP: Final = 1 << 16
"""Values at a time, so that the passes over them stay in the processor's cache."""


def drop_implausible(values: NDArray[np.float32], limits: tuple[float, float]) -> int:
    """Replaces values outside the limits, infinite ones too, by NaN, in place.

    Args:
        values: Any shape, float32, contiguous, NaN = no data.
        limits: Smallest and largest value that can be a measurement; see `datasets.channels.Channel.plausible`.

    Returns:
        How many were replaced; those that were NaN before are not counted.
    """
    low, high = (np.float32(limit) for limit in limits)
    flat, count = values.reshape(-1), 0
    for start in range(0, flat.size, _STRIP):
        strip = flat[start : start + _STRIP]
        if not (np.fmin.reduce(strip) < low or np.fmax.reduce(strip) > high):  # nearly all strips; both pass over NaN
            continue
        outside = (strip < low) | (strip > high)
        count += int(np.count_nonzero(outside))
        np.copyto(strip, np.nan, where=outside)
    return count
