"""Scores of cells: lines over numbers, dots over words, bars over networks, and differences with their intervals."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from sweeps.report.cells import CellComparison
from sweeps.report.differences import Difference
from sweeps.report.drawing import (
    COLOURS,
    MARKERS,
    Drawn,
    Series,
    add_grid,
    add_legend,
    add_title,
    cell_labels,
    cell_rows,
    grid_series,
    in_parts,
    own_axes,
    panel_scores,
    score_axis,
    series,
)
from sweeps.report.labels import Key
from sweeps.report.wording import axis_label, axis_value, cell_label, is_share, metric_label
from training.artifacts.figures import wrapped
from training.evaluation.metric_names import MAJORITY, MetricName, grid_label

_OVER_SEEDS: Final = (
    "Mean over seeds; bars are the spread (sample standard deviation) over seeds, small dots single trials."
)
_LABEL_WIDTH: Final = 55
"""Characters of a label below a figure of differences, whose axes begin far to the right."""
_BAR_LABEL: Final = 24
"""Characters of a line of a label below bars."""
_DASHES: Final[tuple[Literal["-", "--", ":", "-."], ...]] = ("-", "--", ":", "-.")
_BARS: Final = {"accuracy": "accuracy", "precision": "precision", "recall": "recall", "f1": "F1", "iou": "IoU"}


def lines_figure(
    comparison: CellComparison, keys: Sequence[Key], axis: str, by: str | None, name: str, title: str
) -> Drawn:
    """Score against an axis of numbers, a line for each grid; or for each value of a second axis, `by`."""
    axes = comparison.evidence.axes
    values = list(dict.fromkeys(key[axes.index(axis)] for key in keys))
    at = np.array([values.index(key[axes.index(axis)]) for key in keys], dtype=float)
    figure, panels = _panels(comparison, (4.6, 0.6), 4.2)
    caption = _OVER_SEEDS
    for score, panel in panels.items():
        if by is None:
            found = [(each, at) for each in grid_series(comparison, keys, score)]
        else:
            found = [(each, at[own]) for each, own in _by_value(comparison, keys, by, score)]
        caption += _draw_scores(comparison, panel, keys, score, found, apart=0.08)
        words = [axis_value(axis, value) for value in values]
        panel.set_xticks(range(len(values)), words)
        if len(values) > 7 or max(map(len, words)) * len(values) > 60:
            panel.tick_params(axis="x", rotation=45)
        panel.set_xlim(-0.5, len(values) - 0.5)
        panel.set_xlabel(axis_label(axis))
    add_legend(figure, panels.values())
    add_title(figure, title)
    return Drawn(name=name, caption=caption, figure=figure)


def dots_figures(comparison: CellComparison, keys: Sequence[Key], name: str, title: str) -> Iterator[Drawn]:
    """A row for each cell: a dot for each grid with its spread."""
    for end, some in in_parts(keys):
        figure, panels = _panels(comparison, (4.2, 1.8), 1.6 + 0.36 * len(some), sharey=True)
        first = next(iter(panels.values()))
        caption = _OVER_SEEDS
        for score, panel in panels.items():
            found = [(each, np.arange(len(some))) for each in grid_series(comparison, some, score)]
            caption += _draw_scores(comparison, panel, some, score, found, apart=0.22, upright=True)
        _empty_rows(comparison, first, some)
        cell_rows(comparison, first, some)
        for row in _group_starts(comparison, some):
            for panel in panels.values():
                panel.axhline(row - 0.5, color="0.75", lw=0.8)
        add_legend(figure, panels.values())
        add_title(figure, title)
        yield Drawn(name=f"{name}{end}", caption=caption, figure=figure)


def bars_figures(comparison: CellComparison, keys: Sequence[Key], name: str, title: str) -> Iterator[Drawn]:
    """Accuracy, precision, recall, F1 and IoU side by side for each cell, on the objective's grid."""
    metric = comparison.metric
    if metric is None or metric.bin or metric.class_name or metric.score == "autoice":
        return
    for end, some in in_parts(keys):
        found = [
            series(comparison, some, str(MetricName(grid=metric.grid, chart=metric.chart, score=score)), label)
            for score, label in _BARS.items()
        ]
        figure = Figure(figsize=(max(5.0, 1.5 + 1.25 * len(some)), 4.2), layout="constrained")
        panel = figure.subplots()
        words = [wrapped(each, _BAR_LABEL) for each in cell_labels(comparison, some)]
        longest = max(len(line) for each in words for line in each.split("\n"))
        tilted = longest > 10 or len(some) > 9
        width = 0.8 / len(_BARS)
        for number, each in enumerate(found):
            where = np.arange(len(some)) + width * (number - (len(_BARS) - 1) / 2)
            panel.bar(
                where, each.mean, width * 0.92, yerr=each.spread, color=COLOURS[number], label=each.name,
                hatch=("", "//", "", "..", "")[number], edgecolor="white", lw=0,
                error_kw={"lw": 1, "capsize": 2, "ecolor": "0.15"},
            )  # fmt: skip
        panel.set_xticks(range(len(some)), words)
        if tilted:
            figure.set_figheight(4.2 + 0.05 * longest)
            panel.tick_params(axis="x", rotation=30)
            for label in panel.get_xticklabels():
                label.set_horizontalalignment("right")
        panel.set_ylim(0, 100)
        panel.set_ylabel("test score, weighted [%]")
        add_grid(panel, along="y")
        add_legend(figure, [panel])
        of_all = metric_label(str(MetricName(grid=metric.grid, score="f1"))).split(", ", 1)[1]
        add_title(figure, ", ".join(filter(None, (title, of_all))))
        caption = (
            "Mean over seeds; bars are the spread over seeds. Scores of classes are averaged by their size. Weighted "
            "recall equals accuracy by definition; both are shown because published tables do."
        )
        yield Drawn(name=f"{name}{end}", caption=caption, figure=figure)


def difference_figures(
    comparison: CellComparison, differences: Sequence[Difference], name: str, title: str, *, of_one: bool = False
) -> Iterator[Drawn]:
    """Differences from one cell, which the axis names, with their intervals; filled where these do not hold 0.

    A row is a cell that differs; with `of_one` all are of one cell, and a row is a cell that it is compared with.
    """
    if not any(each.interval.known for each in differences):
        return
    factor, unit = (100.0, "%\u00a0points") if is_share(comparison.objective) else (1.0, "same unit")
    by_key = {each.against if of_one else each.key: each for each in differences}
    axes = comparison.evidence.axes
    fixed = differences[0].key if of_one else differences[0].against
    named = cell_label(axes, fixed, [axis for axis in axes if axis not in own_axes(comparison)])
    what = f"{named} minus the other" if of_one else f"difference from {named}"
    for end, some in in_parts(list(by_key)):
        figure = Figure(figsize=(7.2, 1.8 + 0.36 * len(some)), layout="constrained")
        panel = figure.subplots()
        for row, each in enumerate(by_key[key] for key in some):
            apart = each.verdict in ("higher", "lower")
            if each.interval.known:
                low, high = factor * each.interval.low, factor * each.interval.high
                panel.plot([low, high], [row, row], color=COLOURS[0], lw=2, solid_capstyle="butt")
                panel.plot([low, high], [row, row], "|", color=COLOURS[0], ms=9, mew=1.5)
            panel.plot(
                factor * each.value, row, "o", ms=7, mew=1.5, mec=COLOURS[0], mfc=COLOURS[0] if apart else "white",
            )  # fmt: skip
        panel.axvline(0, color="black", lw=1)
        cell_rows(comparison, panel, some)
        panel.set_xlabel(wrapped(f"{what}: {metric_label(comparison.objective)} [{unit}]", _LABEL_WIDTH))
        panel.xaxis.set_major_locator(MaxNLocator(7))
        add_grid(panel, along="x")
        add_title(figure, title)
        caption = (
            f"{what if of_one else f'D{what[1:]}'}, averaged over seeds, with its interval over test scenes and seeds, "
            "corrected for the number of comparisons. Filled: told apart. Hollow: not told apart from noise."
        )
        yield Drawn(name=f"{name}{end}", caption=caption, figure=figure)


def _panels(
    comparison: CellComparison, widths: tuple[float, float], height: float, *, sharey: bool = False
) -> tuple[Figure, dict[str, Axes]]:
    """A panel for each score, side by side; widths are of a panel and of what is beside them all, in inches."""
    scores = panel_scores(comparison)
    figure = Figure(figsize=(widths[0] * len(scores) + widths[1], height), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(scores), sharey=sharey))
    return figure, dict(zip(scores, panels, strict=True))


def _draw_scores(
    comparison: CellComparison,
    panel: Axes,
    keys: Sequence[Key],
    score: str,
    found: Sequence[tuple[Series, NDArray[Any]]],
    *,
    apart: float,
    upright: bool = False,
) -> str:
    """Series at the places of their cells, side by side; see `_majority_line`, whose sentence is returned."""
    for number, (each, at) in enumerate(found):
        _draw(panel, each, at + apart * (number - (len(found) - 1) / 2), number, upright=upright)
    (panel.set_xlabel if upright else panel.set_ylabel)(score_axis(comparison, score))
    add_grid(panel, along="x" if upright else "y")
    return _majority_line(comparison, panel, keys, score, upright=upright)


def _draw(panel: Axes, each: Series, at: NDArray[np.floating], number: int, *, upright: bool) -> None:
    """Means with their spread and a line between them, a small dot for each trial; upright: cells go down, no line."""
    colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
    cells, values = [at[place] for place, _ in each.dots], [value for _, value in each.dots]
    panel.plot(
        values if upright else cells, cells if upright else values,
        "o", color=colour, alpha=0.35, ms=3.5, mew=0,
    )  # fmt: skip
    panel.errorbar(
        each.mean if upright else at,
        at if upright else each.mean,
        xerr=each.spread if upright else None,
        yerr=None if upright else each.spread,
        color=colour,
        marker=marker,
        ms=5.5,
        lw=1.4,
        ls="none" if upright else _DASHES[number % len(_DASHES)],
        capsize=3,
        label=each.name,
    )


def _by_value(
    comparison: CellComparison, keys: Sequence[Key], by: str, score: str
) -> list[tuple[Series, NDArray[np.intp]]]:
    """The objective's grid, a series for each value of the axis `by`, with the places of its cells in `keys`."""
    place, metric = comparison.evidence.axes.index(by), comparison.metric
    name = str(replace(metric, score=score)) if metric else comparison.objective
    found = []
    for value in dict.fromkeys(key[place] for key in keys):
        own = [number for number, key in enumerate(keys) if key[place] == value]
        label = f"{axis_label(by)} {axis_value(by, value)}"
        found.append((series(comparison, [keys[number] for number in own], name, label), np.array(own)))
    return found


def _majority_line(
    comparison: CellComparison, panel: Axes, keys: Sequence[Key], score: str, *, upright: bool = False
) -> str:
    """What always saying the most common class would give, where that is one level for all cells.

    Returns:
        A sentence for the caption where the level is too far away to be drawn, so that the scores keep their room.
    """
    metric = comparison.metric
    if score != "f1" or metric is None or metric.bin or metric.class_name or metric.chart:
        return ""
    name = str(MetricName(grid=metric.grid, score=MAJORITY))
    levels = [comparison.spread(key, name).mean for key in keys]
    known = [100 * level for level in levels if level == level]
    if not known or max(known) - min(known) > 0.5:  # cells with other truth have other majorities
        return ""
    level = float(np.mean(known))
    low, high = panel.get_xlim() if upright else panel.get_ylim()
    words = f"majority class, {grid_label(metric.grid)}"
    if level < low - (high - low):
        return f" Always saying the most common class would give {level:.1f} % ({grid_label(metric.grid)})."
    draw = panel.axvline if upright else panel.axhline
    draw(level, color="0.35", ls=":", lw=1.3, label=words)
    return ""


def _empty_rows(comparison: CellComparison, panel: Axes, keys: Sequence[Key]) -> None:
    """Says why a row has no dot."""
    for row, key in enumerate(keys):
        if not comparison.spread(key, comparison.objective).n:
            words = comparison.why_empty(key, comparison.metric)
            place = panel.get_yaxis_transform()
            panel.text(0.02, row, words, transform=place, va="center", fontsize=8, color="0.35", style="italic")


def _group_starts(comparison: CellComparison, keys: Sequence[Key]) -> list[int]:
    """Rows before which the first of several axes changes."""
    axes = [axis for axis in comparison.evidence.axes if axis in own_axes(comparison)]
    if len(axes) < 2:
        return []
    place = comparison.evidence.axes.index(axes[0])
    return [row for row in range(1, len(keys)) if keys[row][place] != keys[row - 1][place]]
