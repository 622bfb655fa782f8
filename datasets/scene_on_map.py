"""A scene in its true place: SAR and the stage of development on a polar map, beside where in the Arctic that is."""

from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, NoNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from datasets.block_reduction import block_mean, block_mode, strips
from datasets.channels import CHANNELS
from datasets.class_colours import NO_SAR, Palette
from datasets.grids import POLAR, pixel_spacing
from datasets.labels import SOD
from datasets.loading.windows import land_pixels
from datasets.map_panels import PATTERN, class_swatches, legend_handles
from datasets.pictures import heading, with_reasons
from datasets.polar_map import Extent, corners, draw_base, draw_footprints, draw_raster, outline
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
        for x, width in ((0.45, _WIDTH), (6.4, _WIDTH), (12.75, 1.8))
    )
    draw_base(left, extent)
    channel = CHANNELS[_SAR]
    low, top = channel.limits
    shown = draw_raster(left, ties, np.ma.masked_invalid(sar), ratio * side, cmap="gray", vmin=low, vmax=top)
    place = left.inset_axes((0.1, -0.11 * _WIDTH / high, 0.8, 0.03 * _WIDTH / high))
    figure.colorbar(shown, cax=place, extend="both", orientation="horizontal", label=f"[{channel.units}]")
    left.set_title(channel.long_name, pad=14)

    draw_base(middle, extent)
    codes = with_reasons(classes, land_pixels(zones), np.isfinite(sar))
    _draw_classes(middle, ties, codes, ratio * side, palette)

    draw_base(right, Extent.around(np.vstack([around, _ARCTIC]), margin=0.0))
    draw_footprints(right, [around], _HERE)
    right.plot(*around.mean(axis=0), "o", color="none", markeredgecolor=_HERE, markersize=12, zorder=7)
    right.set_title("where it is", pad=14)
    figure.suptitle(
        f"{heading(scene.record)}\n"
        f"polar stereographic ({POLAR}), means of {pixel_spacing(ratio * side)} m; shore: Natural Earth 1:50m"
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


def _draw_classes(panel: Axes, ties: TieGrid, codes: NDArray[np.uint8], step: int, palette: Palette) -> None:
    """Classes and what has none, with its pattern; where SAR has no data the map itself is seen."""
    shown, swatches = np.ma.masked_equal(codes, NO_SAR.code), class_swatches(SOD, palette)
    colours = ListedColormap([swatches[value].colour if value in swatches else "white" for value in range(256)])
    draw_raster(panel, ties, shown, step, cmap=colours, norm=NoNorm())
    present = set(shown.compressed().tolist())
    for value in present:
        if swatches[value].hatch:
            _draw_pattern(panel, ties, codes == value, step, swatches[value].hatch)
    entries = [each for value, each in swatches.items() if value in present]
    panel.legend(
        handles=legend_handles(entries),
        loc="upper center",
        bbox_to_anchor=(0.5, -0.06),
        ncols=3,
        fontsize=8,
        frameon=False,
    )
    panel.set_title(SOD.long_name, pad=14)


def _draw_pattern(axes: Axes, ties: TieGrid, where: NDArray[np.bool_], step: int, hatch: str) -> None:
    """Draws a pattern of matplotlib over blocks of a scene, as `draw_raster` places them."""
    places = corners(ties, (where.shape[0], where.shape[1]), step)
    middles = (places[:-1, :-1] + places[1:, 1:]) / 2
    drawn = axes.contourf(middles[..., 0], middles[..., 1], where, levels=[0.5, 1.5], colors="none", hatches=[hatch])
    drawn.set(edgecolor=PATTERN, linewidth=0, zorder=2)
