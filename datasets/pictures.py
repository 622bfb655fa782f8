"""A scene at a glance: SAR, incidence and the three charts on one sheet, to check it by eye."""

from typing import Final

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from datasets.block_reduction import block_mean, block_mode, block_side, strips
from datasets.channels import CHANNELS
from datasets.class_colours import LAND, NO_SAR, Palette
from datasets.graticule import box_text
from datasets.grids import pixel_spacing
from datasets.labels import CHARTS, IGNORE
from datasets.loading.windows import land_pixels
from datasets.map_frame import MapFrame
from datasets.map_panels import MOST_PIXELS, Kinds, Panel, Shades
from datasets.picture_sheet import draw_sheet
from datasets.scene import Scene, SceneRecord

CONTINUOUS: Final = ("nersc_sar_primary", "nersc_sar_secondary", "sar_incidenceangle")
ZONES: Final = "distance_map"


def scene_sheet(scene: Scene, ratio: int, palette: Palette = "safe") -> Figure:
    """Draws HH, HV, incidence angle, SIC, SOD and FLOE of one scene.

    A large scene is read in strips and drawn from means of blocks, charts from the commonest class of each.

    Args:
        scene: The scene.
        ratio: Grid to draw from.
        palette: Colours of the classes.

    Returns:
        Six panels, turned to the north, with graticule, scale bar, units, and legends with shares of all pixels.

    Raises:
        SceneNotFoundError: The scene has no such ratio.
    """
    scene.open(ratio)  # what is not there is told before anything is read
    lines, samples = scene.shape(ratio)
    side = block_side((lines, samples), MOST_PIXELS)
    shades, charts, shares = _read(scene, ratio, side)
    spacing = pixel_spacing(ratio)
    frame = MapFrame.of_scene(scene, ratio)
    panels: list[Panel] = [
        *(Shades.of_channel(CHANNELS[name], values, spacing * side) for name, values in shades.items()),
        *(Kinds.of_chart(CHARTS[name], codes, spacing * side, palette, shares[name]) for name, codes in charts.items()),
    ]
    record = scene.record
    blocks = f", drawn from blocks of {side} x {side}" if side > 1 else ""
    title = f"{heading(record)}\n{box_text(record.bbox)} · {spacing:g} m pixels{blocks} · {frame.orientation.words}"
    width, height = frame.size_km
    columns = 6 if height > 2 * width else 2 if width > 2 * height else 3
    if columns == 2:  # fields on the left, charts on the right
        panels = [each for pair in zip(panels[:3], panels[3:], strict=True) for each in pair]
    return draw_sheet(frame, panels, columns=columns, title=title)


def heading(record: SceneRecord) -> str:
    """The first line of a picture of a scene: which, where and when."""
    return (
        f"{record.scene_id} · {record.region} ({record.location}) · {record.season} · "
        f"{record.acquired:%d %B %Y %H:%M} UTC{' · synthetic' if record.synthetic else ''}"
    )


Small = tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[np.uint8]], dict[str, dict[int, float]]]


def _read(scene: Scene, ratio: int, side: int) -> Small:
    """Shades and charts of blocks, and the share of each number of each chart over all pixels that were read."""
    lines, samples = scene.shape(ratio)
    names = [*CONTINUOUS, *CHARTS, ZONES]
    shades: dict[str, list[NDArray[np.float32]]] = {name: [] for name in CONTINUOUS}
    charts: dict[str, list[NDArray[np.uint8]]] = {name: [] for name in CHARTS}
    counts = {name: np.zeros(256, np.int64) for name in CHARTS}
    for strip in strips(lines, samples, side):
        read = scene.windows(ratio, names, strip, slice(0, samples))
        for name in CONTINUOUS:
            shades[name].append(block_mean(read[name].astype(np.float32, copy=False), side))
        zones, radar = (read[name].astype(np.float32, copy=False) for name in (ZONES, CONTINUOUS[0]))
        for name in CHARTS:
            codes = with_reasons(read[name].astype(np.uint8, copy=False), land_pixels(zones), np.isfinite(radar))
            counts[name] += np.bincount(codes.ravel(), minlength=256)
            charts[name].append(block_mode(codes, side))
    return (
        {name: np.concatenate(parts) for name, parts in shades.items()},
        {name: np.concatenate(parts) for name, parts in charts.items()},
        {name: dict(enumerate((count / count.sum()).tolist())) for name, count in counts.items()},
    )


def with_reasons(
    classes: NDArray[np.uint8], land: NDArray[np.bool_] | None, radar: NDArray[np.bool_] | None
) -> NDArray[np.uint8]:
    """Says of pixels without a class whether they are land or have no SAR.

    Args:
        classes: (lines, samples), 255 = no class.
        land: Likewise; None where it is not known.
        radar: Whether SAR has a value; None where it is not known.

    Returns:
        A copy with codes of `datasets.class_colours.UNCLASSED`.
    """
    codes, without = classes.copy(), classes == IGNORE
    if radar is not None:
        codes[without & ~radar] = NO_SAR.code
    if land is not None:
        codes[without & land] = LAND.code
    return codes
