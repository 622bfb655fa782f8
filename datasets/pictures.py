"""A scene at a glance: SAR, incidence and the three charts on one sheet, to check it by eye."""

from typing import Final

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from datasets.channels import CHANNELS
from datasets.errors import unknown_name
from datasets.labels import CHARTS, IGNORE, Chart
from datasets.scene import Scene

CONTINUOUS: Final = ("nersc_sar_primary", "nersc_sar_secondary", "sar_incidenceangle")
NO_LABEL: Final = "#d9d9d9"
_MOST_PIXELS: Final = 1200
"""Longest side of a panel in pixels; larger scenes are decimated for display."""

_BAR_SHARE: Final = 0.25
_NICE: Final = (1, 2, 5, 10, 20, 50, 100, 200)


def scene_sheet(scene: Scene, ratio: int, kind: str = "png") -> Figure:
    """Draws HH, HV, incidence angle, SIC, SOD and FLOE of one scene.

    Args:
        scene: The scene.
        ratio: Grid to draw from.
        kind: What it is to be saved as, `png`, `pdf`, `svg`, ...

    Returns:
        Six panels in satellite geometry with scale bar, units, class colours and legend; grey is no label or no data.

    Raises:
        SceneNotFoundError: The scene has no such ratio.
        UnknownNameError: Figures cannot be saved as that.
    """
    if kind not in (kinds := FigureCanvasBase.get_supported_filetypes()):
        raise unknown_name("kind of picture", kind, kinds)
    dataset = scene.open(ratio)
    spacing = float(dataset.attrs["pixel_spacing"])
    step = max(1, -(-max(dataset.sizes.values()) // _MOST_PIXELS))
    small = dataset.isel(line=slice(None, None, step), sample=slice(None, None, step)).load()
    record = scene.record
    figure = Figure(figsize=(13, 9.5 * max(0.6, small.sizes["line"] / small.sizes["sample"])), layout="constrained")
    panels = figure.subplots(2, 3).ravel()
    for panel, name in zip(panels[:3], CONTINUOUS, strict=True):
        _continuous(panel, small[name], name)
    for panel, chart in zip(panels[3:], CHARTS.values(), strict=True):
        _classes(panel, small[chart.name].values, chart)
    for panel in panels:
        panel.set_xticks([])
        panel.set_yticks([])
        panel.set_facecolor(NO_LABEL)
    _scale_bar(panels[0], small.sizes["sample"], spacing * step)
    west, south, east, north = record.bbox
    figure.suptitle(
        f"{record.scene_id} · {record.region} ({record.location}) · {record.season} · {spacing:g} m pixels\n"
        f"{record.acquired:%d %B %Y %H:%M} UTC · {south:.1f} to {north:.1f} °N, {west:.1f} to {east:.1f} °E "
        "· line downwards, sample to the right"
    )
    return figure


def _continuous(panel: Axes, values: xr.DataArray, name: str) -> None:
    channel = CHANNELS[name]
    low, high = channel.limits
    image = panel.imshow(
        values.values, cmap="gray" if channel.units == "dB" else "viridis", vmin=low, vmax=high, interpolation="nearest"
    )
    panel.set_title(channel.long_name)
    bar = panel.figure.colorbar(image, ax=panel, shrink=0.8, extend="both")
    bar.set_label(f"[{channel.units}]")


def _classes(panel: Axes, values: NDArray[np.uint8], chart: Chart) -> None:
    colours = ListedColormap([*chart.colours, NO_LABEL])
    shown = np.where(values == IGNORE, chart.n_classes, values)
    norm = BoundaryNorm(np.arange(-0.5, chart.n_classes + 1.5), colours.N)
    panel.imshow(shown, cmap=colours, norm=norm, interpolation="nearest")
    panel.set_title(f"{chart.name}: {chart.long_name}")
    total = values.size
    handles = [
        Patch(
            facecolor=colour, edgecolor="0.5", label=f"{name.replace('_', ' ')} ({np.sum(values == value) / total:.0%})"
        )
        for value, (name, colour) in enumerate(zip(chart.classes, chart.colours, strict=True))
    ]
    handles.append(Patch(facecolor=NO_LABEL, edgecolor="0.5", label=f"no label ({np.mean(values == IGNORE):.0%})"))
    panel.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=3, fontsize="x-small", frameon=False
    )


def _scale_bar(panel: Axes, samples: int, metres_per_pixel: float) -> None:
    kilometres = max(
        (length for length in _NICE if length * 1000 / metres_per_pixel < _BAR_SHARE * samples), default=_NICE[0]
    )
    length = kilometres * 1000 / metres_per_pixel
    left, down = 0.05 * samples, 0.95
    across = panel.get_xaxis_transform()
    panel.plot([left, left + length], [1 - down, 1 - down], transform=across, color="white", linewidth=5)
    panel.plot([left, left + length], [1 - down, 1 - down], transform=across, color="black", linewidth=2.5)
    panel.text(
        left + length / 2,
        1 - down + 0.02,
        f"{kilometres} km",
        transform=across,
        ha="center",
        va="bottom",
        fontsize="small",
        bbox={"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 1},
    )
