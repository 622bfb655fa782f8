"""A scene in its true place: SAR and the stage of development on a polar map, beside where in the Arctic that is."""

from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from datasets.block_reduction import block_mean, block_mode, strips
from datasets.channels import CHANNELS
from datasets.class_colours import LAND, NO_LABEL, Palette, class_colours
from datasets.labels import IGNORE, SOD
from datasets.loading.windows import land_pixels
from datasets.polar_map import Extent, draw_base, draw_footprints, draw_raster, outline
from datasets.scene import Scene
from datasets.tie_grid import TieGrid

_SAR: Final = "nersc_sar_primary"
_ZONES: Final = "distance_map"
_HERE: Final = "#c1121f"

_WIDTH: Final = 5.5
"""Inches of a map."""

_ARCTIC: Final = np.array([[-2.6e6, -3.6e6], [2.4e6, 2.0e6]])
"""Metres in the map: Hudson Bay, Labrador, Svalbard and the Beaufort Sea are in it."""

_ENOUGH: Final = 600
"""Blocks along the longer side of a scene: more than a panel has pixels for."""


def scene_on_map(scene: Scene, ratios: tuple[int, ...], palette: Palette = "safe") -> Figure:
    """Draws SAR (HH) and SOD of a scene on polar stereographic maps, with its place in the Arctic beside them.

    Args:
        scene: The scene.
        ratios: Those that it has; the coarsest that fills the picture is read, in strips of lines.
        palette: Colours of the classes.

    Raises:
        MissingPackageError: pyproj is not installed.
    """
    ties = TieGrid.from_points(scene.tie_points())
    around = outline(ties)
    extent = Extent.around(around, margin=0.12, least=60e3)
    ratio = max((each for each in ratios if max(scene.shape(each)) >= _ENOUGH), default=min(ratios))
    side = max(max(scene.shape(ratio)) // _ENOUGH, 1)
    sar, zones, classes = _blocks(scene, ratio, side)
    high = _WIDTH * min(max(extent.aspect, 0.6), 1.4)
    figure = Figure(figsize=(15, high + 2.3))
    left, middle, right = (
        figure.add_axes((x / 15, 1.15 / (high + 2.3), width / 15, high / (high + 2.3)))
        for x, width in ((0.55, _WIDTH), (6.65, _WIDTH), (12.65, 1.95))
    )
    draw_base(left, extent)
    channel = CHANNELS[_SAR]
    low, top = channel.limits
    shown = draw_raster(left, ties, np.ma.masked_invalid(sar), ratio * side, cmap="gray", vmin=low, vmax=top)
    place = left.inset_axes((0.1, -0.11 * _WIDTH / high, 0.8, 0.03 * _WIDTH / high))
    figure.colorbar(shown, cax=place, extend="both", orientation="horizontal", label=f"[{channel.units}]")
    left.set_title(channel.long_name, pad=14)

    draw_base(middle, extent)
    land = land_pixels(zones)
    shown_classes = np.where(land, SOD.n_classes + 1, np.where(classes == IGNORE, SOD.n_classes, classes))
    # Where SAR has no data the map itself is seen.
    _draw_classes(middle, ties, np.ma.masked_array(shown_classes, ~(np.isfinite(sar) | land)), ratio * side, palette)

    draw_base(right, Extent.around(np.vstack([around, _ARCTIC]), margin=0.0))
    draw_footprints(right, [around], _HERE)
    right.plot(*around.mean(axis=0), "o", color="none", markeredgecolor=_HERE, markersize=12, zorder=7)
    right.set_title("where it is", pad=14)
    record = scene.record
    figure.suptitle(
        f"{record.scene_id} · {record.region} ({record.location}) · {record.acquired:%d %B %Y %H:%M} UTC"
        f"{' · synthetic' if record.synthetic else ''}\n"
        f"polar stereographic (EPSG:3413), means of {40 * ratio * side:g} m; shore: Natural Earth 1:50m"
    )
    return figure


def _blocks(scene: Scene, ratio: int, side: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint8]]:
    """SAR, zones of distance to land and classes in blocks, read in strips of lines."""
    lines, samples = scene.shape(ratio)
    parts: list[tuple[Any, ...]] = []
    for strip in strips(lines, samples, side):
        found = scene.windows(ratio, (_SAR, _ZONES, SOD.name), strip, slice(0, samples))
        means = (block_mean(np.asarray(found[name], np.float32), side) for name in (_SAR, _ZONES))
        parts.append((*means, block_mode(np.asarray(found[SOD.name], np.uint8), side)))
    sar, zones, classes = (np.concatenate(column) for column in zip(*parts, strict=True))
    return sar, zones, classes


def _draw_classes(panel: Axes, ties: TieGrid, shown: np.ma.MaskedArray[Any, Any], step: int, palette: Palette) -> None:
    colours = ListedColormap([*class_colours(SOD, palette), NO_LABEL.colour, LAND.colour])
    draw_raster(panel, ties, shown, step, cmap=colours, norm=BoundaryNorm(np.arange(-0.5, colours.N), colours.N))
    names = [*(name.replace("_", " ") for name in SOD.classes), NO_LABEL.name, LAND.name]
    present = set(shown.compressed().tolist())
    handles = [
        Patch(facecolor=colours(value), edgecolor="0.5", label=name)
        for value, name in enumerate(names)
        if value in present
    ]
    panel.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=3, fontsize=8, frameon=False)
    panel.set_title(SOD.long_name, pad=14)
