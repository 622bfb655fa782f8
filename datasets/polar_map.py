"""A polar stereographic map on matplotlib axes: land, graticule, scenes in their true places, footprints.

Positions are metres in the projection `POLAR` (EPSG:3413).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection, QuadMesh
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from datasets.coastline import land_rings, shore_lines
from datasets.errors import MissingPackageError
from datasets.grids import POLAR, interpolate
from datasets.tie_grid import LATITUDE, LONGITUDE, TieGrid

if TYPE_CHECKING:
    from pyproj import Transformer

SEA: Final = "#edf2f6"
LAND: Final = "#d6d1c4"
SHORE: Final = "#77736a"
GRATICULE: Final = "#5a6a78"

_PARALLELS: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10)
_MERIDIANS: Final = (0.2, 0.5, 1, 2, 5, 10, 15, 30)
_MOST_LINES: Final = 6
"""Of a graticule, in each direction."""

_LABEL_WIDTH: Final = 0.07
"""Of a longitude, as a share of the width of the map."""

_POLE_CAP: Final = 89.0
"""Meridians end here: 24 lines that meet in a point are a blot."""


@dataclass(frozen=True, kw_only=True)
class Extent:
    """A rectangle of the map in metres."""

    left: float
    bottom: float
    right: float
    top: float

    @classmethod
    def around(
        cls, points: NDArray[np.float64], *, margin: float = 0.06, least: float = 200e3, aspect: float | None = None
    ) -> "Extent":
        """The rectangle around (points, 2) metres.

        Args:
            points: In the map.
            margin: Added on each side, as a share of the larger side.
            least: Metres of a side at least.
            aspect: Height over width, reached by making one of them larger; None takes what the points need.
        """
        low, high = points.min(axis=0), points.max(axis=0)
        size = np.maximum(high - low + 2 * margin * (high - low).max(), least)
        if aspect is not None:
            size = np.array([max(size[0], size[1] / aspect), max(size[1], size[0] * aspect)])
        (left, bottom), (right, top) = (low + high - size) / 2, (low + high + size) / 2
        return cls(left=float(left), bottom=float(bottom), right=float(right), top=float(top))

    @property
    def aspect(self) -> float:
        """Height over width."""
        return (self.top - self.bottom) / (self.right - self.left)

    def shrunk(self, share: float) -> "Extent":
        """Without a margin on each side, a share of its width."""
        margin = share * (self.right - self.left)
        return Extent(
            left=self.left + margin, bottom=self.bottom + margin, right=self.right - margin, top=self.top - margin
        )

    def holds(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of (points, 2) lie in it."""
        inside: NDArray[np.bool_] = (
            (points[:, 0] > self.left)
            & (points[:, 0] < self.right)
            & (points[:, 1] > self.bottom)
            & (points[:, 1] < self.top)
        )
        return inside


def projected(longitude: NDArray[np.float64], latitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 2) metres of positions in degrees; raises MissingPackageError without pyproj."""
    return np.stack(_transformer().transform(longitude, latitude), axis=-1)


def outline(ties: TieGrid) -> NDArray[np.float64]:
    """The footprint of a scene, (points, 2) metres: once around its tie points."""
    places = projected(ties.fields[LONGITUDE], ties.fields[LATITUDE])
    return np.concatenate([places[0, :-1], places[:-1, -1], places[-1, :0:-1], places[:0:-1, 0]])


def corners(ties: TieGrid, shape: tuple[int, int], step: int) -> NDArray[np.float64]:
    """Corners of blocks of step x step raw pixels from the first pixel on, (lines + 1, samples + 1, 2) metres.

    Interpolated linearly in the map, where the date line and the pole are places like others.
    """
    found: NDArray[np.floating] = projected(ties.fields[LONGITUDE], ties.fields[LATITUDE])
    for axis, nodes in enumerate((ties.lines, ties.samples)):
        edges = np.arange(shape[axis] + 1) * step - 0.5
        found = interpolate(found, np.interp(edges, nodes, np.arange(nodes.size)), axis)
    return found.astype(np.float64, copy=False)


def draw_base(axes: Axes, extent: Extent) -> None:
    """Makes the axes a map of the extent: sea, land, shore and a graticule with labels."""
    axes.set_facecolor(SEA)
    axes.set_aspect("equal")
    axes.set_xlim(extent.left, extent.right)
    axes.set_ylim(extent.bottom, extent.top)
    axes.set_xticks([])
    axes.set_yticks([])
    land, shore = _land_in_map()
    axes.add_collection(PolyCollection(land, facecolor=LAND, edgecolor=LAND, linewidth=0.4, zorder=1), autolim=False)
    axes.add_collection(LineCollection(shore, colors=SHORE, linewidth=0.5, zorder=3), autolim=False)
    _draw_graticule(axes, extent)


def draw_raster(axes: Axes, ties: TieGrid, values: NDArray[Any], step: int, **style: Any) -> QuadMesh:  # noqa: ANN401
    """Draws values of a scene in their true places.

    Args:
        axes: A map.
        ties: Geolocation of the scene.
        values: (lines, samples) blocks of step x step raw pixels (40 m); what is masked or NaN is not drawn.
        step: Raw pixels of a block.
        style: Of `pcolormesh`: cmap, norm, vmin, vmax.

    Returns:
        What a colour bar needs.
    """
    places = corners(ties, (values.shape[0], values.shape[1]), step)
    return axes.pcolormesh(places[..., 0], places[..., 1], values, zorder=2, rasterized=True, **style)


def draw_footprints(axes: Axes, outlines: Iterable[NDArray[np.float64]], colour: str, **style: Any) -> None:  # noqa: ANN401
    """Draws footprints: a thin line and a pale area, darker where several lie on each other."""
    rings = list(outlines)
    pale = min(0.3, max(0.04, 4 / max(len(rings), 1)))
    area = PolyCollection(rings, facecolor=colour, edgecolor="none", alpha=pale, zorder=4, **style)
    line = PolyCollection(
        rings, facecolor="none", edgecolor=colour, linewidth=0.9 if len(rings) < 60 else 0.5, zorder=5, **style
    )
    for collection in (area, line):
        axes.add_collection(collection, autolim=False)


@cache
def _transformer() -> "Transformer":
    try:
        from pyproj import Transformer
    except ModuleNotFoundError as error:
        raise MissingPackageError("maps need pyproj, which is not installed: pip install 'icebench[maps]'") from error
    return Transformer.from_crs("EPSG:4326", POLAR, always_xy=True)


@cache
def _land_in_map() -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    land, shore = ([projected(*part.T) for part in parts] for parts in (land_rings(), shore_lines()))
    return land, shore


def _draw_graticule(axes: Axes, extent: Extent) -> None:
    """Parallels with a label on the line, meridians with one outside of the frame, where they leave it southwards."""
    style: dict[str, Any] = {"color": GRATICULE, "zorder": 6}
    thin: dict[str, Any] = {"linewidth": 0.4, "alpha": 0.7, "scalex": False, "scaley": False} | style
    meridians, parallels, (south, north) = _graticule(extent)
    latitudes = np.linspace(south, north, 1000)
    ends: list[NDArray[np.float64]] = []
    for longitude in meridians:
        line = projected(np.full(latitudes.size, longitude), latitudes)
        inside = np.flatnonzero(extent.holds(line))
        if inside.size > 20:
            axes.plot(*line.T, **thin)
            end = line[inside[0]]
            # Where meridians leave the frame close to each other, near the pole, only some have room for their label.
            if all(np.hypot(*(end - other)) > _LABEL_WIDTH * (extent.right - extent.left) for other in ends):
                _label_outside(axes, extent, end, _of_longitude(float(longitude)))
                ends.append(end)
    every = meridians[1] - meridians[0]
    between = meridians + every / 2
    along = np.concatenate([np.linspace(west, west + every, 100) for west in meridians])
    inner = extent.shrunk(0.05)
    last: NDArray[np.float64] | None = None
    for latitude in parallels:
        axes.plot(*projected(along, np.full(along.size, latitude)).T, **thin)
        places = projected(between, np.full(between.size, latitude))
        places = places[inner.holds(places)]
        if len(places):
            # The one nearest to the label before, and at first the leftmost: they stand in a row.
            away = places[:, 0] if last is None else np.hypot(*(places - last).T)
            last = places[int(np.argmin(away))]
            halo = [withStroke(linewidth=2, foreground="white", alpha=0.8)]
            axes.text(
                float(last[0]),
                float(last[1]),
                f"{latitude:g}°N",
                fontsize=6.5,
                ha="center",
                va="center",
                path_effects=halo,
                clip_on=True,
                **style,
            )


def _graticule(extent: Extent) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[float, float]]:
    """Degrees of the meridians and of the parallels that cross an extent, and its southern and northern limit."""
    x, y = np.meshgrid(np.linspace(extent.left, extent.right, 60), np.linspace(extent.bottom, extent.top, 60))
    longitude, latitude = _transformer().transform(x, y, direction="INVERSE")
    low, high = float(latitude.min()), min(float(latitude.max()), _POLE_CAP)
    degrees = next((each for each in _PARALLELS if (high - low) / each <= _MOST_LINES), _PARALLELS[-1])
    parallels = np.arange(np.ceil(low / degrees), high / degrees) * degrees
    # Longitudes count from the middle of the widest gap, so that an extent across the date line is one piece.
    ordered = np.sort(longitude.ravel())
    gaps = np.diff(ordered, append=ordered[0] + 360)
    start = ordered[(int(gaps.argmax()) + 1) % ordered.size]
    around = 360 - float(gaps.max())
    every = next((each for each in _MERIDIANS if around / each <= _MOST_LINES + 2), _MERIDIANS[-1])
    first, last = np.floor(start / every), np.ceil((start + around) / every)
    meridians = np.arange(first, min(last, first + 360 / every - 1) + 1) * every
    return meridians, parallels, (max(low - degrees / 10, 0.0), high)


def _label_outside(axes: Axes, extent: Extent, place: NDArray[np.float64], text: str) -> None:
    x, y = place
    distances = {
        "bottom": y - extent.bottom,
        "left": x - extent.left,
        "right": extent.right - x,
        "top": extent.top - y,
    }
    edge = min(distances, key=lambda name: distances[name])
    if distances[edge] > 0.05 * (extent.right - extent.left):  # the line begins inside: at the cut of the land
        return
    offset, ha, va = {
        "bottom": ((0, -3), "center", "top"),
        "top": ((0, 3), "center", "bottom"),
        "left": ((-3, 0), "right", "center"),
        "right": ((3, 0), "left", "center"),
    }[edge]
    axes.annotate(
        text,
        (x, y),
        offset,
        textcoords="offset points",
        fontsize=6.5,
        ha=ha,
        va=va,
        color=GRATICULE,
        annotation_clip=False,
    )


def _of_longitude(longitude: float) -> str:
    """`45°W`, `0°`, `180°`."""
    east = (longitude + 180) % 360 - 180
    side = "" if east in (0, -180) else "W" if east < 0 else "E"
    return f"{abs(round(east, 6)):g}°{side}"
