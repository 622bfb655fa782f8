"""`TieGrid`: the geolocation grid of a scene, and what follows from it for any window of any ratio.

Linear interpolation is a matrix along each axis. So latitude, longitude and incidence angle of a window are two small
products, which a device does faster than it receives fields.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from datasets.errors import TiePointsError
from datasets.grids import centres

LATITUDE: Final = "sar_latitude"
LONGITUDE: Final = "sar_longitude"
INCIDENCE: Final = "sar_incidenceangle"
TIE_CHANNELS: Final = (INCIDENCE, LATITUDE, LONGITUDE)
"""Channels that follow from the tie points."""


class TieWindow(NamedTuple):
    """The tie points around a window of the SAR grid; a field of the window is `lines @ nodes @ samples.T`.

    Attributes:
        nodes: (fields, n, m) float32 degrees; longitudes without a jump, so some may be beyond 180.
        lines: (h, n) float32 weights of the nodes for each line; rows add up to 1.
        samples: (w, m) float32 weights of the nodes for each sample.
    """

    nodes: NDArray[np.float32]
    lines: NDArray[np.float32]
    samples: NDArray[np.float32]


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
                f"{line_place.size} tie points do not form a grid of {lines.size} lines x {samples.size} samples: "
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

    def around(self, names: Sequence[str], lines: slice, samples: slice, ratio: int) -> TieWindow:
        """What the fields of a window need: lines and samples of the grid of a ratio, inside the scene.

        The fields are those at the centre of each pixel. A mean over its block is the same, but where a tie point lies
        in the block: there the slope changes, which moves the mean by less than a metre.
        """
        first, along = _near(self.lines, lines, ratio)
        begin, across = _near(self.samples, samples, ratio)
        part = (slice(first, first + along.shape[1]), slice(begin, begin + across.shape[1]))
        nodes = np.array([self.fields[name][part] for name in names])
        if LONGITUDE in names:
            longitude = nodes[list(names).index(LONGITUDE)]
            longitude -= 360.0 * np.floor((longitude.mean() + 180.0) / 360.0)
        return TieWindow(nodes.astype(np.float32), along.astype(np.float32), across.astype(np.float32))


def wrapped(longitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Longitudes in -180..180."""
    return (longitude + 180.0) % 360.0 - 180.0


def _near(nodes: NDArray[np.float64], pixels: slice, ratio: int) -> tuple[int, NDArray[np.float64]]:
    """First node around some pixels, and the weights of it and those that follow, (pixels, nodes)."""
    index = np.interp(centres(pixels.start, pixels.stop, ratio), nodes, np.arange(nodes.size))
    first = int(index[0])
    weights: NDArray[np.float64] = np.subtract.outer(index, np.arange(first, int(np.ceil(index[-1])) + 1))
    np.abs(weights, out=weights)
    np.subtract(1.0, weights, out=weights)
    return first, np.maximum(weights, 0.0, out=weights)
