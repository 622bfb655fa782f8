"""Charts in plain xarray: after `import datasets.chart_plots`, `scene.SOD.chart.plot()` draws one in its colours.

xarray's own `plot` knows numbers only: with 255 for no label, all classes would have one colour.
"""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from datasets.block_reduction import block_mode, block_side
from datasets.class_colours import check_palette
from datasets.errors import TiePointsError
from datasets.labels import IGNORE, chart
from datasets.map_frame import NODES, MapFrame
from datasets.picture_sheet import MOST_PIXELS, Kinds, class_legend, class_swatches, draw_kinds, legend_handles
from datasets.tie_grid import LATITUDE, LONGITUDE

_EARTH_M = 6_371_000.0


@xr.register_dataarray_accessor("chart")
class ChartPlots:
    """What a chart of a scene can do in xarray, as `scene.SOD.chart`."""

    def __init__(self, array: xr.DataArray) -> None:
        self._array = array

    def plot(self, ax: Axes | None = None, colours: str = "safe") -> Axes:
        """Draws the chart, a part of it too, turned to the north, with graticule and a legend of its classes.

        Args:
            ax: Where; without it the current axes of pyplot.
            colours: `safe` or `wmo`, see `datasets.class_colours`.

        Returns:
            The axes; kilometres from the top left corner.

        Raises:
            UnknownNameError: The array is named like no chart, or there are no such colours.
            TiePointsError: It has no latitude and longitude.
        """
        palette, kind = check_palette(colours), chart(str(self._array.name))
        values = self._array.to_numpy()
        codes = np.where(np.isfinite(values), values, IGNORE).astype(np.uint8)
        frame = _frame(self._array)
        side = block_side(*codes.shape, most=MOST_PIXELS)
        drawn = Kinds(
            title=f"{kind.name}: {kind.long_name}",
            values=block_mode(codes, side),
            spacing_m=frame.spacing_m * side,
            swatches=class_swatches(kind, palette),
            legend=class_legend(kind, palette, np.unique(codes).tolist()),
        )
        axes = ax or plt.gca()
        draw_kinds(axes, drawn, frame)
        frame.finish(axes, latitudes=True, longitudes=True)
        axes.set_title(drawn.title)
        axes.legend(handles=legend_handles(drawn.legend), loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
        return axes


def _frame(array: xr.DataArray) -> MapFrame:
    if missing := [name for name in (LATITUDE, LONGITUDE) if name not in array.coords]:
        raise TiePointsError(
            f"{array.name} has no coordinate {missing[0]}: take it from a scene of a lake, as xarray.open_zarr opens it"
        )
    lines, samples = array.shape
    some = {
        name: np.unique(np.linspace(0, size - 1, NODES).round().astype(np.intp))
        for name, size in zip(array.dims, array.shape, strict=True)
    }
    latitude, longitude = (array[name].isel(some).to_numpy().astype(np.float64) for name in (LATITUDE, LONGITUDE))
    north = latitude[-1, 0] - latitude[0, 0]
    east = ((longitude[-1, 0] - longitude[0, 0] + 180) % 360 - 180) * np.cos(np.radians(latitude[:, 0].mean()))
    length = _EARTH_M * np.radians(np.hypot(north, east))
    return MapFrame.of_nodes(
        latitude,
        longitude,
        lines=lines,
        samples=samples,
        spacing_m=float(length / max(lines - 1, 1)),
    )
