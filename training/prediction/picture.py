"""A scene map as one picture: class, probability of the class, entropy and spread of every chart."""

from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from datasets.block_reduction import block_mean, block_mode, block_side, strips
from datasets.class_colours import LAND, NO_SAR, Palette
from datasets.labels import CHARTS, IGNORE, Chart
from datasets.map_frame import MapFrame
from datasets.map_panels import MOST_PIXELS, Kinds, Panel, Shades, class_legend, class_swatches
from datasets.picture_sheet import draw_sheet
from training.artifacts.figures import save_figure
from training.prediction import scene_map

_LAYERS: Final = {
    "probability": ("probability of the class", "viridis", (0.0, 1.0)),
    "entropy": ("entropy (0 sure, 1 all alike)", "magma_r", (0.0, 1.0)),
    "spread": ("spread between networks", "magma_r", (0.0, 0.5)),
}
"""Title, colour map and limits; the standard deviation of shares is at most one half."""


def write_picture(data: xr.Dataset, path: Path, palette: Palette = "safe") -> Path:
    """Draws a scene map as PNG, see `scene_map_figure`; makes the folder and returns the path."""
    return save_figure(scene_map_figure(data, palette), path)


def scene_map_figure(data: xr.Dataset, palette: Palette = "safe") -> Figure:
    """Draws a scene map, a row for each of its charts.

    A large map is read in strips and drawn from blocks: the commonest class, means of the other layers.

    Args:
        data: An opened scene map, see `training.prediction.scene_map`; packed as it is stored or decoded.
        palette: Colours of the classes.
    """
    lines, samples = (data.sizes[name] for name in scene_map.DIMS)
    side = block_side((lines, samples), MOST_PIXELS)
    frame = MapFrame.of_pixels(data.latitude, data.longitude, float(data.attrs["pixel_spacing"]))
    panels: list[Panel] = []
    columns = 0
    for chart in (CHARTS[name] for name in CHARTS if name in data):
        row = _row(data, chart, side, frame.spacing_m * side, palette)
        columns = max(columns, len(row))
        panels += row
    return draw_sheet(frame, panels, columns=columns, title=_title(data, frame, side))


def _row(data: xr.Dataset, chart: Chart, side: int, spacing_m: float, palette: Palette) -> list[Panel]:
    lines, samples = (data.sizes[name] for name in scene_map.DIMS)
    names = {layer: scene_map.layer_name(chart.name, layer) for layer in scene_map.LAYERS}
    layers: dict[str, list[NDArray[np.float32]]] = {layer: [] for layer, name in names.items() if name in data}
    classes: list[NDArray[np.uint8]] = []
    counts = np.zeros(256, np.int64)
    for strip in strips(lines, samples * chart.n_classes, side):  # a strip has all classes
        part = data.isel(line=strip)
        codes = _codes(part[chart.name])
        counts += np.bincount(codes.ravel(), minlength=256)
        classes.append(block_mode(codes, side))
        for layer, parts in layers.items():
            variable = part[names[layer]]
            if layer == "probability":
                values = variable.transpose(scene_map.layer_name(chart.name, "class"), *scene_map.DIMS).to_numpy()
                chosen = np.minimum(codes, chart.n_classes - 1)[None].astype(np.intp)
                values = np.take_along_axis(values, chosen, axis=0)[0]
            else:
                values = variable.to_numpy()
            unpacked = _unpacked(values, variable)
            unpacked[codes >= chart.n_classes] = np.nan
            parts.append(block_mean(unpacked, side))
    shown = np.concatenate(classes)
    shares = {number: float(count / counts.sum()) for number, count in enumerate(counts)}
    row: list[Panel] = [
        Kinds(
            title=f"{chart.name}: {chart.long_name}",
            values=shown,
            spacing_m=spacing_m,
            swatches=class_swatches(chart, palette),
            legend=class_legend(chart, palette, shares),
        )
    ]
    for layer, read in layers.items():
        words, colours, limits = _LAYERS[layer]
        row.append(
            Shades(
                title=f"{chart.name}: {words}",
                values=np.concatenate(read),
                spacing_m=spacing_m,
                limits=limits,
                units="",
                colours=colours,
                missing=shown,
                palette=palette,
            )
        )
    return row


def _codes(variable: xr.DataArray) -> NDArray[np.uint8]:
    """Classes, and codes of `datasets.class_colours.UNCLASSED` where there is none."""
    values = variable.to_numpy()
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), IGNORE, values)
    codes = values.astype(np.uint8)
    codes[codes == IGNORE] = NO_SAR.code
    codes[codes == scene_map.LAND] = LAND.code
    return codes


def _unpacked(values: NDArray[np.generic], variable: xr.DataArray) -> NDArray[np.float32]:
    """Physical values with NaN, of a packed layer or a decoded one."""
    found = values.astype(np.float32)
    if "scale_factor" not in variable.attrs:
        return found
    found[values == variable.attrs.get("_FillValue", IGNORE)] = np.nan
    return found * np.float32(variable.attrs["scale_factor"])


def _title(data: xr.Dataset, frame: MapFrame, side: int) -> str:
    said = data.attrs
    taken = f" · {datetime.fromisoformat(said['acquired']):%d %B %Y %H:%M} UTC" if "acquired" in said else ""
    synthetic = " · synthetic" if said.get("comment") == scene_map.SYNTHETIC else ""
    blocks = f", drawn from blocks of {side} x {side}" if side > 1 else ""
    return "\n".join(
        (
            f"{said['scene_id']}{taken}{synthetic}",
            f"{said.get('source', 'unknown network')} · lake {said.get('lake', 'unknown')}",
            f"{frame.spacing_m:g} m pixels{blocks} · {frame.orientation.words}",
        )
    )
