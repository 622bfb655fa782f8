"""One sheet of maps of the same ground, each with its colour bar or legend.

All is laid out in inches, so that maps fill the sheet, a colour bar is as tall as its map and no legend is cut.
"""

import textwrap
from collections.abc import Sequence
from math import sqrt
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from datasets.map_frame import MapFrame, draw_north_arrow, draw_scale_bar
from datasets.map_panels import Kinds, Panel, Shades, Swatch, draw_kinds, draw_shades, legend_handles

_LONGEST: Final = 7.0
"""Longest side of a map, inches."""

_NARROWEST: Final = 2.2
"""Narrowest place for a map with its legend, inches."""

_EDGE, _LEFT, _GAP, _BAR, _TITLE, _BOTTOM, _LINE = 0.15, 0.5, 0.25, 0.75, 0.3, 0.3, 0.165
"""Inches: round the sheet, names of latitudes, between maps, a colour bar with its numbers, a title, names of
longitudes, a line of a legend."""

_LETTER: Final = 0.062
"""Width of a letter of legends, inches."""


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
                draw_shades(axes, panel, frame, axes_at(left + wide + 0.1, top, 0.13, tall))
            else:
                draw_kinds(axes, panel, frame)
                _draw_legend(axes_at(left + (wide - place) / 2, top + tall + _BOTTOM, place, of_legend), panel.legend)
            frame.finish(axes, latitudes=column == 0, longitudes=True)
            if panel is panels[0]:
                draw_north_arrow(axes, frame.north)
                draw_scale_bar(axes, frame.size_km)
        top += tall + _BOTTOM + of_legend
    if legend:
        _draw_legend(axes_at(_EDGE, top, width - 2 * _EDGE, last), legend)
    return figure


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


def _across(entries: Sequence[Swatch], width: float) -> int:
    """Entries beside each other in some inches."""
    longest = max((len(each.name) for each in entries), default=1)
    return max(1, min(len(entries) or 1, int(width / (0.45 + _LETTER * longest))))


def _legend_lines(panel: Panel, width: float) -> int:
    entries = panel.legend if isinstance(panel, Kinds) else ()
    return -(-len(entries) // _across(entries, width)) if entries else 0
