"""A scene, its chart and what a network predicts, side by side: the picture of the README.

python docs/picture.py LAKE MAPS SCENE FILE, where MAPS is what `python -m training predict --leaderboard --format
netcdf` wrote.
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from datasets.channels import CHANNELS
from datasets.labels import CHARTS, IGNORE
from datasets.lake import Lake


def picture(lake: str, maps: Path, scene_id: str) -> Figure:
    """Draws SAR HH, the chart SOD and the predicted SOD of a scene on its 80 m grid."""
    scene = Lake.open(lake).scene(scene_id).open(2)
    chart, sar = CHARTS["SOD"], CHANNELS["nersc_sar_primary"]
    with xr.open_dataset(maps / f"{scene_id}.nc", mask_and_scale=False) as predicted:
        found = predicted.SOD.values
    lines, samples = found.shape
    edges = (0.0, samples * 0.08, lines * 0.08, 0.0)  # km
    figure = Figure(figsize=(10, 10 / 3 * lines / samples + 0.9), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    low, high = sar.limits
    panels[0].imshow(scene.nersc_sar_primary, cmap="gray", vmin=low, vmax=high, extent=edges)
    colours = ListedColormap([*chart.colours, "#d9d9d9"])
    norm = BoundaryNorm(np.arange(-0.5, chart.n_classes + 1.5), colours.N)
    for panel, classes in zip(panels[1:], (scene.SOD.values, found), strict=True):
        shown = np.where(classes == IGNORE, chart.n_classes, classes)
        panel.imshow(shown, cmap=colours, norm=norm, interpolation="nearest", extent=edges)
    for panel, title in zip(panels, ("radar (HH)", "ice chart", "prediction"), strict=True):
        panel.set_title(title)
        panel.set_xlabel("[km]")
    names = [*(name.replace("_", " ") for name in chart.classes), "no label"]
    swatches = [Patch(color=colours(place), label=name) for place, name in enumerate(names)]
    figure.legend(handles=swatches, loc="outside lower center", ncols=len(names), frameon=False)
    return figure


if __name__ == "__main__":
    lake_url, folder, name, file = sys.argv[1:]
    picture(lake_url, Path(folder), name).savefig(file, dpi=100)
