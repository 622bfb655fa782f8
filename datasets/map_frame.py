"""`MapFrame`: the ground under a picture of a scene, and what is drawn of it: graticule, north arrow, scale bar."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

import matplotlib.patheffects as effects
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.text import OffsetFrom
from numpy.typing import NDArray

from datasets.graticule import crossings, latitude_text, longitude_text, round_levels
from datasets.grids import interpolate, pixel_spacing
from datasets.orientation import Orientation, north_of
from datasets.scene import Scene
from datasets.tie_grid import LATITUDE, LONGITUDE, TieGrid

NODES: Final = 49
"""Lines and samples at which latitude and longitude are known: 9 km of a full scene, where they are all but linear."""

_BAR_SHARE: Final = 0.3
_EARTH_M: Final = 6_371_000.0
_NICE: Final = (1, 2, 5, 10, 20, 50, 100, 200)
_HALO: Final = [effects.withStroke(linewidth=1.4, foreground="white", alpha=0.6)]
_OUTLINE: Final = [effects.withStroke(linewidth=3, foreground="white")]


@dataclass(frozen=True, kw_only=True)
class MapFrame:
    """Where the pixels of a picture are; kilometres count from its top left corner, to the right and down.

    Attributes:
        orientation: How arrays are turned.
        lines: Lines of the grid.
        samples: Samples of the grid.
        spacing_m: Metres between its pixels.
        latitude: (n, m) degrees at some lines and samples, evenly spread from the first to the last, as in the file.
        longitude: Likewise, without a jump at 180.
    """

    orientation: Orientation
    lines: int
    samples: int
    spacing_m: float
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]

    @classmethod
    def of_scene(cls, scene: Scene, ratio: int) -> Self:
        """That of the grid of a ratio, from the tie points.

        Raises:
            TiePointsError: There are no usable ones.
        """
        ties = TieGrid.from_points(scene.tie_points())
        lines, samples = scene.shape(ratio)
        found = []
        for name in (LATITUDE, LONGITUDE):
            field: NDArray[np.floating] = ties.fields[name]
            for axis, (size, nodes) in enumerate(((lines, ties.lines), (samples, ties.samples))):
                centres = np.linspace(0, size - 1, NODES) * ratio + (ratio - 1) / 2
                field = interpolate(field, np.interp(centres, nodes, np.arange(nodes.size)), axis)
            found.append(field)
        return cls.of_nodes(found[0], found[1], lines=lines, samples=samples, spacing_m=pixel_spacing(ratio))

    @classmethod
    def of_nodes(
        cls,
        latitude: NDArray[np.floating],
        longitude: NDArray[np.floating],
        *,
        lines: int,
        samples: int,
        spacing_m: float,
    ) -> Self:
        """From latitude and longitude, (n, m) degrees, at lines and samples evenly spread from first to last."""
        north, east = latitude.astype(np.float64), longitude.astype(np.float64)
        return cls(
            orientation=Orientation.of(north, east),
            lines=lines,
            samples=samples,
            spacing_m=spacing_m,
            latitude=north,
            longitude=np.unwrap(np.unwrap(east, period=360, axis=1), period=360, axis=0),
        )

    @classmethod
    def of_pixels(cls, latitude: xr.DataArray, longitude: xr.DataArray, spacing_m: float | None = None) -> Self:
        """From degrees of all pixels, of which some are read; a spacing that is not known is measured along lines."""
        lines, samples = latitude.shape
        some = [np.unique(np.linspace(0, size - 1, NODES).round().astype(np.intp)) for size in (lines, samples)]
        places = dict(zip(latitude.dims, some, strict=True))
        north: NDArray[np.floating]
        east: NDArray[np.floating]
        north, east = (field.isel(places).to_numpy().astype(np.float64) for field in (latitude, longitude))
        east = np.unwrap(np.unwrap(east, period=360, axis=1), period=360, axis=0)
        for axis, (size, nodes) in enumerate(zip((lines, samples), some, strict=True)):
            # Whole pixels are not quite evenly spread: lines of a coarse map would be wavy.
            evenly = np.interp(np.linspace(0, size - 1, nodes.size), nodes, np.arange(nodes.size))
            north, east = (interpolate(field, evenly, axis) for field in (north, east))
        if spacing_m is None:
            across = ((east[-1, 0] - east[0, 0] + 180) % 360 - 180) * np.cos(np.radians(north[:, 0].mean()))
            length = _EARTH_M * np.radians(np.hypot(north[-1, 0] - north[0, 0], across))
            spacing_m = float(length / max(lines - 1, 1))
        return cls.of_nodes(north, east, lines=lines, samples=samples, spacing_m=spacing_m)

    @cached_property
    def size_km(self) -> tuple[float, float]:
        """Width and height of the picture."""
        rows, columns = self.orientation.shape(self.lines, self.samples)
        return columns * self.spacing_m / 1000, rows * self.spacing_m / 1000

    def extent(self, shape: tuple[int, int], spacing_m: float) -> tuple[float, float, float, float]:
        """Left, right, bottom and top in km of an array of (lines, samples) that begins at the first pixel."""
        width, height = self.size_km
        rows, columns = (size * spacing_m / 1000 for size in self.orientation.shape(*shape))
        left = width - columns if self.orientation.flipped_across else 0.0
        top = height - rows if self.orientation.flipped_down else 0.0
        return left, left + columns, top + rows, top

    def finish(self, axes: Axes, *, latitudes: bool, longitudes: bool) -> None:
        """Sets the limits and draws the graticule, with latitudes named at the left and longitudes at the bottom."""
        width, height = self.size_km
        lat, lon = (self.orientation.apply(each) for each in (self.latitude, self.longitude))
        half = self.spacing_m / 2000
        across, down = np.linspace(half, width - half, lat.shape[1]), np.linspace(half, height - half, lat.shape[0])
        named: list[tuple[list[float], list[str]]] = []
        for field, edge, places, text in (
            (lat, lat[:, 0], down, latitude_text),
            (lon, lon[-1], across, longitude_text),
        ):
            levels, decimals = round_levels(float(field.min()), float(field.max()))
            if levels.size:
                lines = axes.contour(
                    across, down, field, levels=levels, colors="black", linestyles="solid", linewidths=0.5, alpha=0.75
                )
                lines.set(path_effects=_HALO)
            met = [(place, text(level, decimals)) for level in levels for place in crossings(edge, places, level)]
            named.append(([place for place, _ in met], [name for _, name in met]))
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        axes.set_yticks(named[0][0], named[0][1] if latitudes else [""] * len(named[0][0]))
        axes.set_xticks(named[1][0], named[1][1] if longitudes else [""] * len(named[1][0]))
        axes.tick_params(labelsize=7, length=2, pad=1.5)

    @property
    def north(self) -> tuple[float, float]:
        """Where north is in the middle of the picture: parts to the right and upwards of an arrow of length 1."""
        return north_of(self.orientation.apply(self.latitude), self.orientation.apply(self.longitude))


def draw_north_arrow(axes: Axes, towards: tuple[float, float]) -> None:
    """An arrow at the top right of a picture, with parts to the right and upwards of a length of 1."""
    north = np.array(towards)
    corner = OffsetFrom(axes.patch, (1, 1))
    middle = np.array([-30.0, -30.0])  # points
    axes.annotate(
        "",
        tuple(middle + 12 * north),
        xycoords=corner,
        xytext=tuple(middle - 12 * north),
        textcoords=corner,
        arrowprops={"arrowstyle": "-|>", "color": "black", "lw": 1.5, "path_effects": _OUTLINE, "shrinkB": 0},
    )
    axes.annotate(
        "N",
        tuple(middle + 18 * north),
        xycoords=corner,
        ha="center",
        va="center",
        fontsize=8,
        fontweight="bold",
        path_effects=_OUTLINE,
    )


def draw_scale_bar(axes: Axes, size_km: tuple[float, float]) -> None:
    """A bar of round kilometres at the bottom left of a picture whose axes are kilometres from its top left corner."""
    width, height = size_km
    kilometres = max((length for length in _NICE if length < _BAR_SHARE * width), default=_NICE[0])
    left, down = 0.06 * width, height - 0.05 * min(height, width)
    for colour, thick in (("white", 5.0), ("black", 2.5)):
        axes.plot([left, left + kilometres], [down, down], color=colour, lw=thick, solid_capstyle="butt")
    axes.annotate(
        f"{kilometres} km",
        (left, down),
        xytext=(1, 4),
        textcoords="offset points",
        ha="left",
        va="bottom",
        fontsize=8,
        bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1},
    )
