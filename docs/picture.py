"""A scene, its chart and what a network predicts, side by side: the picture of the README.

python docs/picture.py LAKE MAPS SCENE FILE, where MAPS is what `python -m training predict --leaderboard --format
netcdf` wrote.
"""

import sys
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from datasets.channels import CHANNELS
from datasets.labels import CHARTS
from datasets.lake import Lake
from datasets.map_frame import MapFrame
from datasets.map_panels import Kinds, Shades, class_legend, class_swatches
from datasets.picture_sheet import draw_sheet
from datasets.pictures import with_reasons


def picture(lake: str, maps: Path, scene_id: str) -> Figure:
    """Draws SAR HH, the chart SOD and the predicted SOD of a scene on the grid of the prediction."""
    source = Lake.open(lake)
    scene, chart, sar = source.scene(scene_id), CHARTS["SOD"], CHANNELS["nersc_sar_primary"]
    with xr.open_dataset(maps / f"{scene_id}.nc", mask_and_scale=False) as predicted:
        found = predicted.SOD.values
    ratio = next(each for each in source.ratios if scene.shape(each) == found.shape)
    data, frame = scene.open(ratio), MapFrame.of_scene(scene, ratio)
    hh, land = data.nersc_sar_primary.values, data.distance_map.values == 0
    found = np.where(land, np.uint8(255), found.astype(np.uint8))
    charted, answered = (with_reasons(each, land, np.isfinite(hh)) for each in (data.SOD.values, found))
    swatches, spacing = class_swatches(chart, "safe"), frame.spacing_m
    panels = [
        Shades(title="radar (HH)", values=hh, spacing_m=spacing, limits=sar.limits, units=sar.units),
        Kinds(title="ice chart", values=charted, spacing_m=spacing, swatches=swatches),
        Kinds(title="prediction", values=answered, spacing_m=spacing, swatches=swatches),
    ]
    legend = class_legend(chart, "safe", np.unique([charted, answered]).tolist())
    return draw_sheet(frame, panels, columns=3, title="", legend=legend, area=9)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    lake_url, folder, name, file = sys.argv[1:]
    try:
        picture(lake_url, Path(folder), name).savefig(file, dpi=100)
    except FileNotFoundError as error:  # no lake, scene or map of this name
        sys.exit(f"error {error}")
