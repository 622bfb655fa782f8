"""The grid of a projection that a scene is warped to: pixels as large as the scene's, at multiples of their size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import NDArray

from datasets.errors import IceBenchError
from datasets.grids import POLAR
from training.prediction.georeference import ControlPoint

if TYPE_CHECKING:
    from affine import Affine
    from rasterio.crs import CRS

_STRETCH: Final = 4.0
"""Most that a projection may stretch lengths. EPSG:3413 stretches by 1.03 at most north of 60 degrees."""


class MapGridError(IceBenchError, ValueError):
    """A projection cannot show a scene as one piece."""


@dataclass(frozen=True, kw_only=True)
class MapGrid:
    """A grid of pixels.

    Attributes:
        crs: Projection.
        transform: Of its pixels, north up in its own coordinates.
        shape: Rows and columns.
        places: x and y of every control point that it was made around.
    """

    crs: "CRS"
    transform: "Affine"
    shape: tuple[int, int]
    places: list[tuple[float, float]]

    @classmethod
    def around(cls, points: Sequence[ControlPoint], crs: str, spacing: float) -> Self:
        """The smallest grid around control points, whose outermost are the centres of the corners of a map.

        Args:
            points: Of the map, in order of lines, then samples.
            crs: Projection, checked.
            spacing: Of the pixels, metres.

        Raises:
            MapGridError: The scene lies beyond the edge of the projection, across it, or where it stretches a lot.
        """
        from affine import Affine
        from rasterio.crs import CRS
        from rasterio.warp import transform

        projection = CRS.from_user_input(crs)
        longitude, latitude = np.array([(point.longitude, point.latitude) for point in points]).T
        places = np.array(transform(CRS.from_epsg(4326), projection, longitude, latitude))
        across = len({point.sample for point in points})
        stretch = _stretch(np.stack([*places, longitude, latitude]).reshape(4, -1, across))
        metres = float(projection.linear_units_factor[1])
        if not stretch * metres < _STRETCH:
            raise MapGridError(
                f"the projection {crs!r} cannot show the scene around {latitude.mean():.1f} N as one piece of its own "
                f"size: give one for the place, such as {POLAR}"
            )
        step = spacing / metres
        # Half a pixel around the centres is the edge; edges are curved between control points, which one more covers.
        low = np.floor(places.min(axis=1) / step - 2.0)
        high = np.ceil(places.max(axis=1) / step + 2.0)
        columns, rows = (high - low).astype(int).tolist()
        return cls(
            crs=projection,
            transform=Affine(step, 0.0, float(low[0] * step), 0.0, -step, float(high[1] * step)),
            shape=(rows, columns),
            places=[(float(x), float(y)) for x, y in places.T],
        )


def _stretch(places: NDArray[np.float64]) -> float:
    """Longest step between neighbours beside the same step on the globe; inf where one has no place.

    `places` is (4, n, m): x, y, longitude and latitude.
    """
    from pyproj import Geod

    if not np.isfinite(places).all():
        return float("inf")
    geod, found = Geod(ellps="WGS84"), 0.0
    for grid in (places, places.swapaxes(1, 2)):
        near, far = grid[:, :-1], grid[:, 1:]
        _, _, metres = geod.inv(near[2], near[3], far[2], far[3])
        found = max(found, float((np.hypot(*(far[:2] - near[:2])) / metres).max()))
    return found
