"""The land of the north (north of 30 degrees) as rings of longitude and latitude, from a file beside this module."""

import json
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

FILE: Final = Path(__file__).with_suffix(".json")
"""`source`: what it is and how it was made; `step`: degrees of one unit; `rings`: first point, then steps to the next,
longitude and latitude in turn. Text, so that it goes wherever our code goes."""

SOUTH: Final = 30.0
"""There is no land in the file south of this parallel; rings are cut along it."""


@cache
def land_rings() -> tuple[NDArray[np.float64], ...]:
    """Closed rings, each (points, 2) float64 degrees; none crosses the antimeridian, which is an edge of some."""
    content = json.loads(FILE.read_text())
    return tuple(np.cumsum(np.reshape(ring, (-1, 2)), axis=0) * content["step"] for ring in content["rings"])


def shore_lines() -> list[NDArray[np.float64]]:
    """The rings without those of their edges that are no shore: along the antimeridian and along the cut in the south.

    Returns:
        Lines, each (points, 2) float64 degrees.
    """
    lines = []
    for ring in land_rings():
        here, there = ring[:-1], ring[1:]
        no_shore = (np.abs(here) > 179.98)[:, 0] & (np.abs(there) > 179.98)[:, 0]
        no_shore |= (here[:, 1] < SOUTH + 0.01) & (there[:, 1] < SOUTH + 0.01)
        lines += [part for part in np.split(ring, np.flatnonzero(no_shore) + 1) if len(part) > 1]
    return lines
