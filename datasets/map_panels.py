"""What a map of a scene shows: shades of a field, or kinds of ground with their colours, patterns and names."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch
from numpy.typing import NDArray

from datasets.channels import Channel
from datasets.class_colours import NO_SAR, UNCLASSED, Palette, class_colours, unclassed
from datasets.labels import Chart
from datasets.map_frame import MapFrame

MOST_PIXELS: Final = 1000
"""Longest side of a panel in pixels; larger scenes are drawn from blocks."""

PATTERN: Final = "#8c8c8c"
"""Of patterns and of the edges of legends."""


@dataclass(frozen=True, kw_only=True)
class Swatch:
    """An entry of a legend."""

    name: str
    colour: str
    hatch: str = ""


@dataclass(frozen=True, kw_only=True)
class Shades:
    """A panel of a continuous field, with a colour bar.

    Attributes:
        values: (lines, samples) as in the file, NaN = no value.
        spacing_m: Metres between its pixels.
        limits: Ends of the colour bar.
        units: Beside the colour bar.
        colours: Colour map of matplotlib.
        missing: What a pixel without a value is, codes of `datasets.class_colours.UNCLASSED`; None is no SAR.
        palette: Of the maps of classes beside it, for what is missing.
    """

    title: str
    values: NDArray[np.floating]
    spacing_m: float
    limits: tuple[float, float]
    units: str
    colours: str = "gray"
    missing: NDArray[np.uint8] | None = None
    palette: Palette = "safe"

    @classmethod
    def of_channel(cls, channel: Channel, values: NDArray[np.floating], spacing_m: float) -> "Shades":
        """A channel: backscatter in grey, everything else in colours."""
        colours = "gray" if channel.units == "dB" else "viridis"
        return cls(
            title=channel.long_name,
            values=values,
            spacing_m=spacing_m,
            limits=channel.limits,
            units=channel.units,
            colours=colours,
        )


@dataclass(frozen=True, kw_only=True)
class Kinds:
    """A panel of kinds of ground by number, with a legend.

    Attributes:
        values: (lines, samples) uint8 as in the file.
        spacing_m: Metres between its pixels.
        swatches: What each number is, `values` holds no other.
        legend: Entries of the legend; none draws none.
    """

    title: str
    values: NDArray[np.uint8]
    spacing_m: float
    swatches: Mapping[int, Swatch]
    legend: Sequence[Swatch] = field(default=())

    @classmethod
    def of_chart(
        cls,
        chart: Chart,
        values: NDArray[np.uint8],
        spacing_m: float,
        palette: Palette,
        there: Mapping[int, float] | Collection[int],
    ) -> "Kinds":
        """A chart, its legend as `class_legend` makes it."""
        return cls(
            title=f"{chart.name}: {chart.long_name}",
            values=values,
            spacing_m=spacing_m,
            swatches=class_swatches(chart, palette),
            legend=class_legend(chart, palette, there),
        )


Panel = Shades | Kinds


def unclassed_swatches(palette: Palette = "safe") -> dict[int, Swatch]:
    """Of what has no class, by number."""
    return {each.code: Swatch(name=each.name, colour=each.colour, hatch=each.hatch) for each in unclassed(palette)}


def class_swatches(chart: Chart, palette: Palette) -> dict[int, Swatch]:
    """Swatch of every class of a chart and of what has no class, by number."""
    names = (name.replace("_", " ") for name in chart.classes)
    found = {
        number: Swatch(name=name, colour=colour)
        for number, (name, colour) in enumerate(zip(names, class_colours(chart, palette), strict=True))
    }
    return found | unclassed_swatches(palette)


def class_legend(chart: Chart, palette: Palette, there: Mapping[int, float] | Collection[int]) -> list[Swatch]:
    """Entries for all classes and for what else there is; classes of one colour are one entry.

    Args:
        chart: The chart.
        palette: Its colours.
        there: Numbers that there are; with the share of each among all pixels, it stands beside the name.
    """
    shares = there if isinstance(there, Mapping) else None
    swatches = class_swatches(chart, palette)
    runs: list[list[int]] = []
    for number in range(chart.n_classes):
        if runs and swatches[runs[-1][-1]].colour == swatches[number].colour:
            runs[-1].append(number)
        else:
            runs.append([number])
    present = {number for number in there if shares is None or shares[number] > 0}
    runs += [[each.code] for each in UNCLASSED if each.code in present]
    entries = []
    for run in runs:
        first, last = swatches[run[0]], swatches[run[-1]]
        name = first.name if len(run) == 1 else f"{first.name.rstrip('%')} to {last.name}"
        if shares is not None:
            name = f"{name} ({percent(sum(shares.get(number, 0) for number in run))})"
        entries.append(Swatch(name=name, colour=first.colour, hatch=first.hatch))
    return entries


def percent(share: float) -> str:
    """Whole percent; what is there is never 0 %, and what is not all never 100 %."""
    return "< 1 %" if 0 < share < 0.005 else "> 99 %" if 0.995 <= share < 1 else f"{100 * share:.0f} %"


def legend_handles(entries: Sequence[Swatch]) -> list[Patch]:
    """Handles of matplotlib for a legend."""
    return [
        Patch(facecolor=each.colour, edgecolor=PATTERN, hatch=2 * each.hatch, lw=0.6, label=each.name)
        for each in entries
    ]


def draw_shades(axes: Axes, panel: Shades, frame: MapFrame, bar: Axes | None = None) -> None:
    """Draws a panel of shades into axes in kilometres, its colour bar into `bar`; without that, beside them."""
    low, high = panel.limits
    extent = frame.extent(panel.values.shape, panel.spacing_m)
    shown = frame.orientation.apply(panel.values)
    missing = ~np.isfinite(shown)
    if missing.any():
        kinds = np.uint8(NO_SAR.code) if panel.missing is None else frame.orientation.apply(panel.missing)
        paint(axes, np.where(missing, kinds, np.uint8(0)), unclassed_swatches(panel.palette), extent)
    image = axes.imshow(
        np.ma.masked_invalid(shown), cmap=panel.colours, vmin=low, vmax=high, extent=extent, interpolation="nearest"
    )
    under, over = bool(np.nanmin(panel.values, initial=low) < low), bool(np.nanmax(panel.values, initial=high) > high)
    extend = "both" if under and over else "min" if under else "max" if over else "neither"
    colour_bar = axes.figure.colorbar(image, cax=bar or axes.inset_axes((1.03, 0.0, 0.04, 1.0)), extend=extend)
    colour_bar.set_label(panel.units, fontsize=8)
    colour_bar.ax.tick_params(labelsize=7)


def draw_kinds(axes: Axes, panel: Kinds, frame: MapFrame) -> None:
    """Draws a panel of kinds into axes in kilometres, without its legend."""
    extent = frame.extent(panel.values.shape, panel.spacing_m)
    paint(axes, frame.orientation.apply(panel.values), panel.swatches, extent)


def paint(
    axes: Axes, shown: NDArray[np.uint8], swatches: Mapping[int, Swatch], extent: tuple[float, float, float, float]
) -> None:
    """Fills pixels by their numbers, with their patterns; what has no swatch stays as it is.

    Args:
        axes: Where.
        shown: (rows, columns) as a picture has them.
        swatches: By number.
        extent: Left, right, bottom and top of the pixels in the axes.
    """
    table = np.zeros((256, 4), np.uint8)
    for number, swatch in swatches.items():
        table[number] = [*np.round(np.multiply(to_rgb(swatch.colour), 255)), 255]
    axes.imshow(table[shown], extent=extent, interpolation="nearest")
    for number, swatch in swatches.items():
        if swatch.hatch and (found := shown == number).any():
            _hatch(axes, found, swatch.hatch, extent)


def _hatch(axes: Axes, where: NDArray[np.bool_], hatch: str, extent: tuple[float, float, float, float]) -> None:
    """A pattern over some pixels, with the background of the axes seen between its lines."""
    left, right, bottom, top = extent
    n, m = where.shape
    # With a margin, so that a pattern reaches the edge of the outermost pixels.
    across = np.concatenate([[left], left + (np.arange(m) + 0.5) * (right - left) / m, [right]])
    down = np.concatenate([[top], top + (np.arange(n) + 0.5) * (bottom - top) / n, [bottom]])
    padded = np.pad(where, 1, mode="edge")
    drawn = axes.contourf(across, down, padded, levels=[0.5, 1.5], colors="none", hatches=[hatch])
    drawn.set(edgecolor=PATTERN, linewidth=0)
