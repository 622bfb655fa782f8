"""Latitudes and longitudes in words and as round lines: west is °W, never a negative east."""

from math import ceil, floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

_STEPS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0)
_LINES: Final = 6
"""Most of one kind in a picture."""


def latitude_text(degrees: float, decimals: int = 1) -> str:
    """`72.5°N`, `72.5°S`, `0.0°`."""
    return _text(degrees, decimals, "NS")


def longitude_text(degrees: float, decimals: int = 1) -> str:
    """`52.3°W`, `12.0°E`; any turn round the globe is taken off."""
    wrapped = (degrees + 180.0) % 360.0 - 180.0
    return f"{180:.{decimals}f}°" if abs(abs(wrapped) - 180.0) < 10.0**-decimals / 2 else _text(wrapped, decimals, "EW")


def box_text(bbox: tuple[float, float, float, float]) -> str:
    """Where a scene lies, in words: `70.1°N to 73.9°N, 55.3°W to 42.0°W`, from west, south, east, north."""
    west, south, east, north = bbox
    return f"{latitude_text(south)} to {latitude_text(north)}, {longitude_text(west)} to {longitude_text(east)}"


def round_levels(low: float, high: float) -> tuple[NDArray[np.float64], int]:
    """A few round degrees between two, and the decimals that tell them apart; none where there is no span."""
    if not high > low:
        return np.empty(0), 0
    step = min((each for each in _STEPS if (high - low) / each <= _LINES), default=_STEPS[-1])
    levels: NDArray[np.float64] = np.arange(ceil(low / step), floor(high / step) + 1, dtype=np.float64) * step
    return levels, 0 if step >= 1 else 1 if step >= 0.1 else 2


def crossings(values: NDArray[np.floating], places: NDArray[np.floating], level: float) -> list[float]:
    """Where a field meets a level along an edge, by linear interpolation.

    Args:
        values: (n,) degrees along the edge.
        places: (n,) where they are.
        level: Degrees.
    """
    above = values >= level
    found = np.flatnonzero(above[1:] != above[:-1])
    shares = (level - values[found]) / (values[found + 1] - values[found])
    return [float(each) for each in places[found] + shares * (places[found + 1] - places[found])]


def _text(degrees: float, decimals: int, sides: str) -> str:
    rounded = round(degrees, decimals)
    side = "" if rounded == 0 else sides[0] if rounded > 0 else sides[1]
    return f"{abs(rounded):.{decimals}f}°{side}"
