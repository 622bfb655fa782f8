"""Where the pixels of a scene lie: on the globe, by its tie points, and on the grid of a projection.

Between tie points (every 20 km) the direction of the vertical is interpolated and not its two angles: meridians meet,
so linear longitudes miss the place by 30 m at 75 degrees north and by 100 m at 85, and they jump at 180.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from datasets.errors import IceBenchError, SceneNotFoundError, TiePointsError
from datasets.grids import POLAR, centres, interpolate
from datasets.scene import Scene
from datasets.tie_grid import LATITUDE, LONGITUDE, TieGrid
from training.prediction.scene_map import DIMS

if TYPE_CHECKING:
    from affine import Affine
    from rasterio.crs import CRS

_NODES: Final = 21
"""Control points along each axis of a map, as many as a scene of the archives has tie points across."""

_STRETCH: Final = 4.0
"""Most that a projection may stretch lengths. EPSG:3413 stretches by 1.03 at most north of 60 degrees."""


class MapGridError(IceBenchError, ValueError):
    """A projection cannot show a scene as one piece."""


class ControlPoint(NamedTuple):
    """A place of a raster and of the globe, in degrees north and east (-180 to 180).

    Lines and samples count from the edges: the centre of line i is at i + 0.5.
    """

    line: float
    sample: float
    latitude: float
    longitude: float


@dataclass(frozen=True, kw_only=True)
class Georeference:
    """Latitude and longitude of the pixels of a scene at one ratio: a grid of `shape` lines and samples."""

    tie_grid: TieGrid
    shape: tuple[int, int]
    ratio: int

    @classmethod
    def of(cls, scene: Scene, ratio: int) -> Self:
        """Of a scene of a lake; raises TiePointsError in one sentence where its tie points place it nowhere."""
        try:
            grid = TieGrid.from_points(scene.tie_points())
            _refuse_places(grid)
        except (TiePointsError, SceneNotFoundError, KeyError) as error:
            why = f"it has no {error.args[0]}" if isinstance(error, KeyError) else str(error).partition(":")[0]
            raise TiePointsError(
                f"scene {scene.record.scene_id} has no usable tie points ({why}), so that its map would be nowhere on "
                "the globe: build the scene again from the raw file of the archive"
            ) from error
        return cls(tie_grid=grid, shape=scene.shape(ratio), ratio=ratio)

    def strip(self, start: int, stop: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Latitude and longitude of the centres of lines start..stop-1: (lines, samples) float32 degrees each."""
        lines = np.interp(centres(start, stop, self.ratio), self.tie_grid.lines, np.arange(self.tie_grid.lines.size))
        verticals = interpolate(interpolate(self._verticals, lines, axis=1), self._samples, axis=2)
        return _degrees(verticals)

    def control_points(self) -> tuple[ControlPoint, ...]:
        """The `control_points` that a map of the scene will have."""
        rows, columns = map(_spread, self.shape)
        strips = [self.strip(row, row + 1) for row in rows.tolist()]
        latitude, longitude = (np.concatenate(part)[:, columns] for part in zip(*strips, strict=True))
        return _points(rows, columns, latitude, longitude)

    @cached_property
    def _samples(self) -> NDArray[np.float64]:
        return self.tie_grid.places(1, 0, self.shape[1], self.ratio)

    @cached_property
    def _verticals(self) -> NDArray[np.float64]:
        """(3, n, m) unit vectors of the verticals of the tie points."""
        latitude, longitude = (np.radians(self.tie_grid.fields[name]) for name in (LATITUDE, LONGITUDE))
        flat = np.cos(latitude)
        return np.stack([flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)])


def control_points(data: xr.Dataset) -> tuple[ControlPoint, ...]:
    """Points of a map as GDAL's ground control points want them, `_NODES` x `_NODES`, corners among them.

    `data` is a map as `training.prediction.scene_map` says; only the lines of the points are read.
    """
    rows, columns = (_spread(data.sizes[dim]) for dim in DIMS)
    chosen = data[["latitude", "longitude"]].isel(line=rows, sample=columns).transpose(*DIMS)
    return _points(rows, columns, chosen.latitude.to_numpy(), chosen.longitude.to_numpy())


def _points(
    rows: NDArray[np.intp], columns: NDArray[np.intp], latitude: NDArray[np.float32], longitude: NDArray[np.float32]
) -> tuple[ControlPoint, ...]:
    return tuple(
        ControlPoint(row + 0.5, column + 0.5, float(latitude[i, j]), float(longitude[i, j]))
        for i, row in enumerate(rows.tolist())
        for j, column in enumerate(columns.tolist())
    )


def _spread(size: int) -> NDArray[np.intp]:
    """Places along an axis, the first and the last among them."""
    return np.unique(np.rint(np.linspace(0, size - 1, min(size, _NODES))).astype(np.intp))


def _degrees(verticals: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    x, y, z = verticals
    latitude = np.degrees(np.arctan2(z, np.hypot(x, y)))
    return latitude.astype(np.float32), np.degrees(np.arctan2(y, x)).astype(np.float32)


def _refuse_places(grid: TieGrid) -> None:
    """Raises TiePointsError where the points are no places, or the same one."""
    latitude, longitude = grid.fields[LATITUDE], grid.fields[LONGITUDE]
    if np.abs(latitude).max() > 90 or np.abs(longitude).max() > 720:
        raise TiePointsError("some are beyond the poles or the date line")
    same = [
        (np.diff(latitude, axis=axis) == 0) & (np.diff(longitude, axis=axis) % 360 == 0) & (np.abs(latitude).max() < 90)
        for axis in (0, 1)
    ]
    if any(part.any() for part in same):
        raise TiePointsError("neighbours lie at the same place")


@dataclass(frozen=True, kw_only=True)
class MapGrid:
    """A grid of pixels in a projection, of `shape` rows and columns, north up in its own coordinates.

    `places` are x and y of every control point that it was made around.
    """

    crs: "CRS"
    transform: "Affine"
    shape: tuple[int, int]
    places: list[tuple[float, float]]


@lru_cache(maxsize=1)
def grid_around(points: tuple[ControlPoint, ...], crs: str, spacing: float) -> MapGrid:
    """The smallest grid around control points, whose outermost are the centres of the corners of a map.

    Points are in order of lines, then samples; the spacing of pixels is in metres. The last one is remembered: it is
    asked for before a scene is predicted, and again when its files are written.

    Raises:
        MapGridError: The scene lies beyond the edge of the projection, across it, or where it stretches a lot.
    """
    from affine import Affine
    from pyproj import Transformer
    from rasterio.crs import CRS

    projection = CRS.from_user_input(crs)
    longitude, latitude = np.array([(point.longitude, point.latitude) for point in points]).T
    to_grid = Transformer.from_crs("EPSG:4326", projection.to_wkt(), always_xy=True)
    places = np.array(to_grid.transform(longitude, latitude))  # inf where the projection has no place
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
    return MapGrid(
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
