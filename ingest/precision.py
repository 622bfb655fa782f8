"""Rounding to powers of two: digits without information cost most of a compressed float.

What is computed here (means, interpolated angles, distances) is rounded by far less than its own error; values of
the archive are kept bit for bit unless the recipe says otherwise.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

MEAN_STEP_DB: Final = 2.0**-8
"""Block means of SAR, 0.004 dB; the radiometric accuracy of Sentinel-1 EW is 1 dB (Sentinel-1 product definition)."""

INCIDENCE_STEP: Final = 2.0**-10
"""Incidence angle, 0.001 degrees."""

_STRIP: Final = 1 << 16
"""Values at a time, so that the three passes over them stay in the processor's cache."""


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


def geolocation_step(ratio: int) -> float:
    """Step of latitude and longitude in degrees: an error of at most a third of a pixel of the ratio, 14 m at ratio 1.

    The fields are not more exact: linear interpolation between tie points h = 20 km apart is off by h * h *
    tan(latitude) / (8 * radius of the earth), 14 m at 60 degrees north and 30 m at 75.
    """
    return 2.0**-12 * _power_of_two_below(ratio)


def border_step(ratio: int) -> float:
    """Step of the distance to the border in metres: an error of at most a tenth of a pixel of the ratio.

    8 m at ratio 1, of which 40 m is a multiple: a whole number of pixels stays exact.
    """
    return 8.0 * _power_of_two_below(ratio)


def step_for(precision: float) -> float:
    """Largest power of two that keeps the rounding error within `precision`; 0 for 0."""
    return 2.0 ** math.floor(math.log2(2 * precision)) if precision > 0 else 0.0


def _power_of_two_below(ratio: int) -> float:
    """Largest power of two of at most the ratio."""
    return 2.0 ** math.floor(math.log2(ratio))
