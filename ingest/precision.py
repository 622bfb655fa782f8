"""Rounding to few bits: digits without information cost most of a compressed float.

What is computed here (means, interpolated angles, distances) is rounded by far less than its own error; values of
the archive are kept bit for bit unless the recipe says otherwise. What is rounded to few enough values is stored as
whole numbers of its step (`datasets.stores.packing`).
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from datasets.stores.packing import ZONES, Packing
from datasets.tie_grid import LONGITUDE

MEAN_STEP_DB: Final = 2.0**-5
"""Block means of SAR, an error of 0.016 dB at most. Against the speckle of Sentinel-1 EW GRDM (equivalent number of
looks 10.7, so 1.3 dB in a pixel and 0.13 dB in a mean of 10 x 10) it adds 0.02 % of variance at ratio 2 and 0.5 % at
ratio 10; the radiometric accuracy is 1 dB (Sentinel-1 product definition)."""

INCIDENCE_STEP: Final = 2.0**-10
"""Incidence angle, 0.001 degrees."""

_STRIP: Final = 1 << 16
"""Values at a time, so that the three passes over them stay in the processor's cache."""


def rounded(values: NDArray[np.float32], step: float, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Nearest multiples of `step`; NaN and inf stay. The error is at most half a step.

    Args:
        values: Any shape, float32.
        step: A power of two, or another step of `step_for`, so that multiples are exact; 0 changes nothing.
        out: Array for the result, contiguous; `values` itself to round in place.
    """
    if step == 0:
        return values
    result = np.empty_like(values) if out is None else out
    flat, target = values.reshape(-1), result.reshape(-1)
    for start in range(0, flat.size, _STRIP):
        strip = target[start : start + _STRIP]
        # Division by a power of two is exact, and by another step off by the spacing of floats at most.
        np.divide(flat[start : start + _STRIP], np.float32(step), out=strip)
        np.rint(strip, out=strip)
        np.multiply(strip, np.float32(step), out=strip)
    return result


def geolocation_step(name: str, ratio: int) -> float:
    """Step of latitude or longitude in degrees: together an error of less than half a pixel of the ratio.

    Of latitude a third of a pixel, 14 m at ratio 1. The step of longitude is twice as large: a degree of it is half as
    long at 60 degrees north, so the error is 14 m there, 7 m at 75 and 18 m at 50.
    The fields are not more exact: linear interpolation between tie points h = 20 km apart is off by h * h *
    tan(latitude) / (8 * radius of the earth), 14 m at 60 degrees north and 30 m at 75.
    """
    return (2.0**-11 if name == LONGITUDE else 2.0**-12) * _power_of_two_below(ratio)


def border_step(ratio: int) -> float:
    """Step of the distance to the border in metres: an error of at most a tenth of a pixel of the ratio.

    8 m at ratio 1, of which 40 m is a multiple: a whole number of pixels stays exact.
    """
    return 8.0 * _power_of_two_below(ratio)


def sar_packing(step: float, plausible: tuple[float, float]) -> Packing | None:
    """How SAR that is rounded to multiples of `step` dB is stored: int16, or as it is where that is too small."""
    if step == 0:
        return None
    packing = Packing(dtype="int16", scale=step)
    low, high = packing.limits
    return packing if low <= plausible[0] and plausible[1] <= high else None


_REST: Final = 2.0**-10
"""Of a quarter: less than the steps between means, more than the error of their sums."""


def zone_quarters(zones: NDArray[np.float32], *, mean: bool) -> NDArray[np.float32]:
    """Rounds zones to quarters, means of them down to quarters, in place; NaN stays.

    Zones of the file, and their means over 2 x 2 pixels in the ready-to-train product, are quarters; what they are off
    by is the rest of an undone z-score. Means are rounded down so that what was below one half, land, still is.
    """
    flat = zones.reshape(-1)
    for start in range(0, flat.size, _STRIP):
        strip = flat[start : start + _STRIP]
        strip *= np.float32(1 / ZONES.scale)
        if mean:
            strip += np.float32(_REST)
            np.floor(strip, out=strip)
        else:
            np.rint(strip, out=strip)
        strip *= np.float32(ZONES.scale)
    return zones


def border_packing(ratio: int) -> Packing:
    """How the distance to the border is stored: in steps of `border_step`, at most 524 km of it at ratio 1."""
    return Packing(dtype="uint16", scale=border_step(ratio))


def step_for(precision: float) -> float:
    """Largest step of 4, 5, 6 or 7 times a power of two that keeps the rounding error within `precision`; 0 for 0.

    Multiples of these too are exact in float32, where they fit int16. A power of two alone would waste up to one bit
    of each pixel: for 0.01 dB this is 5/256 dB, a quarter more than 1/64.
    """
    if precision == 0:
        return 0.0
    unit = 2.0 ** (math.floor(math.log2(2 * precision)) - 2)
    return unit * math.floor(2 * precision / unit)


def _power_of_two_below(ratio: int) -> float:
    """Largest power of two of at most the ratio."""
    return 2.0 ** math.floor(math.log2(ratio))
