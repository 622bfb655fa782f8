"""Scenes in plain xarray: after `import datasets.scene_plots`, `scene.SOD.icebench.plot()` draws a chart or a channel.

xarray's own `plot` knows numbers only: with 255 for no label, all classes of a chart would have one colour.
"""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from datasets.block_reduction import block_mean, block_mode, block_side
from datasets.channels import CHANNELS
from datasets.class_colours import Palette, check_palette
from datasets.errors import TiePointsError, unknown_name
from datasets.labels import CHARTS, IGNORE
from datasets.map_frame import MapFrame
from datasets.map_panels import (
    MOST_PIXELS,
    Kinds,
    Shades,
    draw_kinds,
    draw_shades,
    legend_handles,
)
from datasets.tie_grid import LATITUDE, LONGITUDE


@xr.register_dataarray_accessor("icebench")  # type: ignore[no-untyped-call]
class ScenePlots:
    """What an array of a scene can do in xarray, as `scene.SOD.icebench`."""

    def __init__(self, array: xr.DataArray) -> None:
        self._array = array

    def plot(self, ax: Axes | None = None, colours: str = "safe") -> Axes:
        """Draws a chart or a channel of the SAR grid, a part of it too, turned to the north, with graticule.

        Args:
            ax: Where; without it the current axes of pyplot.
            colours: Of classes, `safe` or `wmo`, see `datasets.class_colours`.

        Returns:
            The axes, in kilometres from the top left corner; with a legend of classes or a colour bar.

        Raises:
            UnknownNameError: The array is named like no chart and no channel, or there are no such colours.
            TiePointsError: It has no latitude and longitude.
        """
        palette, name = check_palette(colours), str(self._array.name)
        on_sar = [*CHARTS, *(channel.name for channel in CHANNELS.values() if channel.grid == "sar")]
        if name not in on_sar:
            raise unknown_name("chart or channel of the SAR grid", name, on_sar)
        frame = _frame(self._array)
        axes = ax or plt.gca()
        if name in CHARTS:
            drawn = _kinds(self._array, frame, palette)
            draw_kinds(axes, drawn, frame)
            axes.legend(handles=legend_handles(drawn.legend), loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
        else:
            draw_shades(axes, _shades(self._array, frame), frame)
        frame.finish(axes, latitudes=True, longitudes=True)
        axes.set_title(CHARTS[name].long_name if name in CHARTS else CHANNELS[name].long_name)
        return axes


def _kinds(array: xr.DataArray, frame: MapFrame, palette: Palette) -> Kinds:
    values, chart = array.to_numpy(), CHARTS[str(array.name)]
    codes = np.where(np.isfinite(values), values, IGNORE).astype(np.uint8)
    side = block_side(codes.shape, MOST_PIXELS)
    there = np.unique(codes).tolist()
    return Kinds.of_chart(chart, block_mode(codes, side), frame.spacing_m * side, palette, there)


def _shades(array: xr.DataArray, frame: MapFrame) -> Shades:
    values, channel = array.to_numpy().astype(np.float32), CHANNELS[str(array.name)]
    side = block_side(values.shape, MOST_PIXELS)
    return Shades.of_channel(channel, block_mean(values, side), frame.spacing_m * side)


def _frame(array: xr.DataArray) -> MapFrame:
    if missing := [name for name in (LATITUDE, LONGITUDE) if name not in array.coords]:
        raise TiePointsError(
            f"{array.name} has no coordinate {missing[0]}: take it from a scene of a lake, as xarray.open_zarr opens it"
        )
    return MapFrame.of_pixels(array[LATITUDE], array[LONGITUDE])
