"""The 25 km grid of the melt maps, and the cells of it that a scene covers.

NSIDC north polar stereographic grid, 448 rows x 304 columns, EPSG:3411 (Hughes ellipsoid, true scale at 70 N), first
row at the top. The outline of a scene is a polygon in map metres, so neither the pole nor the antimeridian is special.
"""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyproj import Proj

from datasets.tie_grid import LATITUDE, LONGITUDE
from ingest.geometry import TiePoints

ROWS: Final = 448
COLUMNS: Final = 304
CELL: Final = 25_000.0
"""Side of a cell, m."""

LEFT: Final = -3_850_000.0
"""Outer edge of column 0, m."""

TOP: Final = 5_850_000.0
"""Outer edge of row 0, m (NSIDC polar stereographic grid definitions)."""


@cache
def _projection() -> Proj:
    """Degrees on the ellipsoid to map metres; a pure formula, no datum shift to WGS 84 (Hughes has none defined)."""
    return Proj("EPSG:3411")


def project(latitude: NDArray[np.float64], longitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map coordinates of places in degrees, any shape; returns shape + (2,) float64 metres, x and y."""
    x, y = _projection()(np.asarray(longitude, np.float64), np.asarray(latitude, np.float64))
    return np.stack([x, y], axis=-1)


def cell_centres() -> NDArray[np.float64]:
    """Map coordinates of all cell centres: (448, 304, 2) float64 metres, x and y."""
    x = LEFT + CELL * (np.arange(COLUMNS) + 0.5)
    y = TOP - CELL * (np.arange(ROWS) + 0.5)
    return np.stack(np.meshgrid(x, y), axis=-1)


@cache
def cell_degrees() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Latitude and longitude of all cell centres, (448, 304) float64 degrees each, read-only."""
    centres = cell_centres()
    longitude, latitude = (np.asarray(axis) for axis in _projection()(centres[..., 0], centres[..., 1], inverse=True))
    for axis in (latitude, longitude):
        axis.setflags(write=False)  # one copy for everybody
    return latitude, longitude


def cells_at(latitude: NDArray[np.float64], longitude: NDArray[np.float64]) -> NDArray[np.intp]:
    """Cells in which places lie: flat indices (row * 304 + column), rising, each once.

    Places outside the grid (south of about 31 to 40 N) have no cell and are left out.
    """
    return _cells_of(project(latitude, longitude).reshape(-1, 2))


def footprint_cells(tie_points: TiePoints) -> NDArray[np.intp]:
    """Cells under a scene: those whose centre lies inside the outline of its tie points, and those that hold one.

    The second kind gives a scene smaller than a cell its cell, and adds less than one cell along the border.

    Returns:
        (k,) flat indices (row * 304 + column), rising; empty where the scene lies outside the grid.
    """
    points = project(tie_points.fields[LATITUDE], tie_points.fields[LONGITUDE])
    outline = np.concatenate([points[0], points[1:, -1], points[-1, -2::-1], points[-2:0:-1, 0]])
    low, high = outline.min(axis=0), outline.max(axis=0)
    centres = cell_centres().reshape(-1, 2)
    near = np.flatnonzero(((centres >= low) & (centres <= high)).all(axis=1))
    inside = near[_inside(centres[near], outline)]
    return np.union1d(inside, _cells_of(points.reshape(-1, 2)))


def _cells_of(points: NDArray[np.float64]) -> NDArray[np.intp]:
    column = np.floor((points[:, 0] - LEFT) / CELL)
    row = np.floor((TOP - points[:, 1]) / CELL)
    there = (column >= 0) & (column < COLUMNS) & (row >= 0) & (row < ROWS)
    return np.unique(row[there].astype(np.intp) * COLUMNS + column[there].astype(np.intp))


def _inside(points: NDArray[np.float64], outline: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each of (n, 2) points lies in a (m, 2) polygon, by the even-odd rule with a ray to the east."""
    start, stop = outline, np.roll(outline, -1, axis=0)
    x, y = points[:, 0, None], points[:, 1, None]
    spans = (start[:, 1] > y) != (stop[:, 1] > y)
    rise = np.where(start[:, 1] == stop[:, 1], 1.0, stop[:, 1] - start[:, 1])  # level edges span no ray
    crossing = start[:, 0] + (y - start[:, 1]) / rise * (stop[:, 0] - start[:, 0])
    odd: NDArray[np.bool_] = (spans & (crossing > x)).sum(axis=1) % 2 == 1
    return odd
