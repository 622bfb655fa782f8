"""Rounding to powers of two: digits without information cost most of a compressed float.

What is computed here (means, interpolated angles, distances) is rounded far below what it can be trusted to; what came
from the archive is kept bit for bit unless the recipe asks otherwise.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

MEAN_STEP_DB: Final = 2.0**-8
"""Block means of SAR, 0.004 dB; the radiometric accuracy of Sentinel-1 EW is 1 dB (Sentinel-1 product definition)."""

GEOLOCATION_STEP: Final = 2.0**-13
"""Latitude and longitude, 0.00012 degrees or at most 14 m: a third of a full-resolution pixel."""

INCIDENCE_STEP: Final = 2.0**-10
"""Incidence angle, 0.001 degrees."""

BORDER_STEP_M: Final = 2.0
"""Distance to the border: an error of at most a metre, of pixels of 40."""

_STRIP: Final = 1 << 16
"""Values at a time: three passes over what stays in the processor's cache."""


def rounded(values: NDArray[np.float32], step: float, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Nearest multiples of `step`; NaN and inf stay. The error is at most half a step.

    Args:
        values: Any shape, float32.
        step: A power of two, so that multiples are exact; 0 changes nothing.
        out: Array for the result, contiguous; `values` itself to round in place.
    """
    if step == 0:
        return values
    result = np.empty_like(values) if out is None else out
    flat, target = values.reshape(-1), result.reshape(-1)
    for start in range(0, flat.size, _STRIP):
        strip = target[start : start + _STRIP]
        # Scaling by a power of two is exact, so this is one rounding and no more.
        np.multiply(flat[start : start + _STRIP], np.float32(1 / step), out=strip)
        np.rint(strip, out=strip)
        np.multiply(strip, np.float32(step), out=strip)
    return result


def step_for(precision: float) -> float:
    """Largest power of two that keeps the rounding error within `precision`; 0 for 0."""
    return 2.0 ** math.floor(math.log2(2 * precision)) if precision > 0 else 0.0
