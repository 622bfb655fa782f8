"""`TieGrid`: the geolocation grid of a scene, and what follows from it for any window of any ratio.

Linear interpolation is a matrix along each axis. So latitude, longitude and incidence angle of a window are two small
products, which a device does faster than it receives fields.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from datasets.errors import TiePointsError
from datasets.grids import centres
from datasets.plural import plural

LATITUDE: Final = "sar_latitude"
LONGITUDE: Final = "sar_longitude"
INCIDENCE: Final = "sar_incidenceangle"
TIE_CHANNELS: Final = (INCIDENCE, LATITUDE, LONGITUDE)
"""Channels that follow from the tie points."""


@dataclass(frozen=True, kw_only=True)
class TieGrid:
    """The geolocation grid of a scene.

    Attributes:
        lines: (n,) positions in full-resolution lines, rising, from 0 to the last line.
        samples: (m,) positions in full-resolution samples, rising.
        fields: (n, m) float64 degrees each, by channel; longitudes are unwrapped: without a jump at 180.
    """

    lines: NDArray[np.float64]
    samples: NDArray[np.float64]
    fields: Mapping[str, NDArray[np.float64]]

    @classmethod
    def from_points(cls, points: Mapping[str, NDArray[np.float64]]) -> Self:
        """Builds the grid from the variables `sar_grid_*`, points in any order; the grid need not be square.

        Raises:
            TiePointsError: The points do not form a full grid, or hold NaN.
        """
        lines, line_place = np.unique(points["sar_grid_line"], return_inverse=True)
        samples, sample_place = np.unique(points["sar_grid_sample"], return_inverse=True)
        filled = np.zeros((lines.size, samples.size), bool)
        filled[line_place, sample_place] = True
        if line_place.size != filled.size or not filled.all() or min(filled.shape) < 2:
            raise TiePointsError(
                f"{plural(line_place.size, 'tie point does', 'tie points do')} not form a grid of "
                f"{lines.size} lines x {samples.size} samples: "
                "take the raw file from the archive again"
            )
        fields = {}
        for name in (LATITUDE, LONGITUDE, INCIDENCE):
            values = points.get(f"sar_grid_{name.removeprefix('sar_')}")
            if values is None or not np.isfinite(values).all():
                raise TiePointsError(f"the tie points hold NaN in {name}: take the raw file from the archive again")
            fields[name] = np.empty(filled.shape)
            fields[name][line_place, sample_place] = values
        fields[LONGITUDE] = np.unwrap(np.unwrap(fields[LONGITUDE], period=360, axis=1), period=360, axis=0)
        return cls(lines=lines.astype(np.float64), samples=samples.astype(np.float64), fields=fields)

    @property
    def bbox(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees; west > east across the antimeridian."""
        latitude, longitude = self.fields[LATITUDE], self.fields[LONGITUDE]
        west, east = wrapped(np.array([longitude.min(), longitude.max()]))
        return float(west), float(latitude.min()), float(east), float(latitude.max())

    def places(self, axis: int, start: int, stop: int, ratio: int) -> NDArray[np.float64]:
        """Fractional node index of the lines (axis 0) or samples (axis 1) start..stop-1 of the grid of a ratio.

        A field at the centre of a pixel is interpolated linearly between the nodes on both sides. A mean over its block
        is the same, but where a tie point lies in the block: there the slope changes, which moves it by less than a
        metre.
        """
        nodes = (self.lines, self.samples)[axis]
        return np.interp(centres(start, stop, ratio), nodes, np.arange(nodes.size))

    @cached_property
    def _stacked(self) -> NDArray[np.float64]:
        return np.stack([self.fields[name] for name in TIE_CHANNELS])

    def nodes(self, names: Sequence[str], part: tuple[slice, slice]) -> NDArray[np.float64]:
        """(names, n, m) degrees of a part of the nodes; longitudes without a jump, so some may be beyond 180."""
        nodes = self._stacked[[TIE_CHANNELS.index(name) for name in names], *part]
        if LONGITUDE in names:
            longitude = nodes[list(names).index(LONGITUDE)]
            longitude -= 360.0 * np.floor((longitude.mean() + 180.0) / 360.0)
        return nodes


def wrapped(longitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Longitudes in -180..180."""
    return (longitude + 180.0) % 360.0 - 180.0
