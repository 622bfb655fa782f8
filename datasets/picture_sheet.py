"""One sheet of maps of the same ground: panels of shades or kinds, each with its colour bar or legend.

All is laid out in inches, so that maps fill the sheet, a colour bar is as tall as its map and no legend is cut.
"""

import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from datasets.class_colours import NO_SAR, UNCLASSED, Palette, Unclassed, class_colours
from datasets.labels import Chart
from datasets.map_frame import MapFrame

MOST_PIXELS: Final = 1000
"""Longest side of a panel in pixels; larger scenes are drawn from blocks."""

_LONGEST: Final = 7.0
"""Longest side of a map, inches."""
_NARROWEST: Final = 2.2
"""Narrowest place for a map with its legend, inches."""
_EDGE, _LEFT, _GAP, _BAR, _TITLE, _BOTTOM, _LINE = 0.15, 0.5, 0.25, 0.75, 0.3, 0.3, 0.165
_LETTER: Final = 0.062
"""Width of a letter of legends, inches."""


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
        missing: What a pixel without a value is, where `missing_kinds` does not say.
        missing_kinds: Likewise by pixel: codes of `datasets.class_colours.UNCLASSED`.
    """

    title: str
    values: NDArray[np.floating]
    spacing_m: float
    limits: tuple[float, float]
    units: str
    colours: str = "gray"
    missing: Unclassed = NO_SAR
    missing_kinds: NDArray[np.uint8] | None = None


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


Panel = Shades | Kinds


def swatch_of(what: Unclassed) -> Swatch:
    """Of a pixel without a class."""
    return Swatch(name=what.name, colour=what.colour, hatch=what.hatch)


def class_swatches(chart: Chart, palette: Palette) -> dict[int, Swatch]:
    """Swatch of every class of a chart and of what has no class, by number."""
    names = (name.replace("_", " ") for name in chart.classes)
    found = {
        number: Swatch(name=name, colour=colour)
        for number, (name, colour) in enumerate(zip(names, class_colours(chart, palette), strict=True))
    }
    return found | {each.code: swatch_of(each) for each in UNCLASSED}


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


def draw_sheet(
    frame: MapFrame,
    panels: Sequence[Panel],
    *,
    columns: int,
    title: str,
    legend: Sequence[Swatch] = (),
    area: float = 17.0,
) -> Figure:
    """Draws panels in rows of some columns.

    Args:
        frame: The ground under all of them.
        panels: In the order of reading.
        columns: Panels in a row.
        title: Above all, as many lines as it has; longer ones are wrapped.
        legend: Of all panels together, at the bottom.
        area: Of a map, square inches; a long one has less.
    """
    width_km, height_km = frame.size_km
    scale = min(sqrt(area / (width_km * height_km)), _LONGEST / max(width_km, height_km))
    wide, tall = width_km * scale, height_km * scale
    place = max(wide, _NARROWEST)
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    bars = [any(isinstance(each, Shades) for each in panels[column::columns]) for column in range(columns)]
    pitch = [place + (_BAR if bar else 0.0) + _GAP for bar in bars]
    width = _LEFT + sum(pitch) - _GAP + 2 * _EDGE
    legends = [max(_legend_lines(each, place) for each in row) * _LINE for row in rows]
    heads = [line for text in title.split("\n") for line in textwrap.wrap(text, int(width / 0.085))]
    last = -(-len(legend) // _across(legend, width)) * _LINE + 0.1 if legend else 0.0
    height = 2 * _EDGE + 0.2 * len(heads) + len(rows) * (_TITLE + tall + _BOTTOM) + sum(legends) + last
    figure = Figure(figsize=(width, height))

    def axes_at(left: float, top: float, wide: float, tall: float) -> Axes:
        return figure.add_axes((left / width, 1 - (top + tall) / height, wide / width, tall / height))

    figure.text(0.5, 1 - _EDGE / height, "\n".join(heads), ha="center", va="top", fontsize=11, linespacing=1.25)
    top = _EDGE + 0.2 * len(heads)
    for row, of_legend in zip(rows, legends, strict=True):
        top += _TITLE
        for column, panel in enumerate(row):
            left = _EDGE + _LEFT + sum(pitch[:column]) + (place - wide) / 2
            axes = axes_at(left, top, wide, tall)
            axes.set_title(panel.title, fontsize=9, pad=4)
            if isinstance(panel, Shades):
                _draw_shades(axes, axes_at(left + wide + 0.1, top, 0.13, tall), panel, frame)
            else:
                draw_kinds(axes, panel, frame)
                _draw_legend(axes_at(left + (wide - place) / 2, top + tall + _BOTTOM, place, of_legend), panel.legend)
            frame.finish(axes, latitudes=column == 0, longitudes=True)
            if panel is panels[0]:
                frame.draw_north_arrow(axes)
                frame.draw_scale_bar(axes)
        top += tall + _BOTTOM + of_legend
    if legend:
        _draw_legend(axes_at(_EDGE, top, width - 2 * _EDGE, last), legend)
    return figure


def _draw_shades(axes: Axes, bar: Axes, panel: Shades, frame: MapFrame) -> None:
    low, high = panel.limits
    extent = frame.extent(panel.values.shape, panel.spacing_m)  # type: ignore[arg-type]
    shown = frame.orientation.apply(panel.values)
    missing = ~np.isfinite(shown)
    if missing.any():
        kinds = np.full(shown.shape, panel.missing.code, np.uint8)
        if panel.missing_kinds is not None:
            kinds = frame.orientation.apply(panel.missing_kinds)
        _paint(axes, np.where(missing, kinds, 0), {each.code: swatch_of(each) for each in UNCLASSED}, extent)
    image = axes.imshow(
        np.ma.masked_invalid(shown), cmap=panel.colours, vmin=low, vmax=high, extent=extent, interpolation="nearest"
    )
    under, over = bool(np.nanmin(panel.values, initial=low) < low), bool(np.nanmax(panel.values, initial=high) > high)
    extend = "both" if under and over else "min" if under else "max" if over else "neither"
    colour_bar = axes.figure.colorbar(image, cax=bar, extend=extend)
    colour_bar.set_label(panel.units, fontsize=8)
    bar.tick_params(labelsize=7)


def draw_kinds(axes: Axes, panel: Kinds, frame: MapFrame) -> None:
    """Draws a panel of kinds into axes in kilometres, without its legend."""
    extent = frame.extent(panel.values.shape, panel.spacing_m)  # type: ignore[arg-type]
    _paint(axes, frame.orientation.apply(panel.values), panel.swatches, extent)


def _paint(
    axes: Axes, shown: NDArray[np.uint8], swatches: Mapping[int, Swatch], extent: tuple[float, float, float, float]
) -> None:
    """Fills pixels by their numbers; what has no swatch stays as it is."""
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
    drawn.set(edgecolor="#8c8c8c", linewidth=0)


def _draw_legend(axes: Axes, entries: Sequence[Swatch]) -> None:
    axes.set_axis_off()
    if not entries:
        return
    width = axes.figure.get_figwidth() * axes.get_position().width  # type: ignore[union-attr]
    axes.legend(
        handles=legend_handles(entries),
        loc="upper center",
        bbox_to_anchor=(0.5, 1.0),
        borderaxespad=0,
        ncols=_across(entries, width),
        fontsize=7.5,
        frameon=False,
        labelspacing=0.25,
        columnspacing=0.9,
        handlelength=1.8,
        handleheight=0.9,
    )


def legend_handles(entries: Sequence[Swatch]) -> list[Patch]:
    """Handles of matplotlib for a legend."""
    return [
        Patch(facecolor=each.colour, edgecolor="#8c8c8c", hatch=2 * each.hatch, lw=0.6, label=each.name)
        for each in entries
    ]


def _across(entries: Sequence[Swatch], width: float) -> int:
    """Entries beside each other in some inches."""
    longest = max((len(each.name) for each in entries), default=1)
    return max(1, min(len(entries) or 1, int(width / (0.45 + _LETTER * longest))))


def _legend_lines(panel: Panel, width: float) -> int:
    entries = panel.legend if isinstance(panel, Kinds) else ()
    return -(-len(entries) // _across(entries, width)) if entries else 0
