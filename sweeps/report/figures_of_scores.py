"""Scores of cells: lines over numbers, dots over words, bars over networks, and differences as a forest."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sweeps.report.cells import Comparison
from sweeps.report.drawing import (
    COLOURS,
    MARKERS,
    Drawn,
    Series,
    finish,
    grid_series,
    labels,
    legend,
    only_axis,
    own_axes,
    panel_scores,
    pieces,
    score_axis,
    series,
)
from sweeps.report.labels import Key
from sweeps.report.wording import axis_label, axis_value, grid_label, metric_label
from training.evaluation.metric_names import MetricName

_OVER_SEEDS: Final = (
    "Mean over seeds; bars are the spread (sample standard deviation) over seeds, small dots single trials."
)
_BARS: Final = ("accuracy", "precision", "recall", "f1", "iou")


def lines_figure(comparison: Comparison, keys: Sequence[Key], axis: str, by: str | None, name: str, task: str) -> Drawn:
    """Score against an axis of numbers, a line a grid; or a line for each value of a second axis.

    Args:
        comparison: The study.
        keys: Cells of one task.
        axis: Of numbers.
        by: The second axis; None for a line a grid.
        name: Of the figure.
        task: For the title; may be empty.
    """
    axes = comparison.evidence.axes
    place_of = {value: place for place, value in enumerate(dict.fromkeys(key[axes.index(axis)] for key in keys))}
    at = np.array([place_of[key[axes.index(axis)]] for key in keys], dtype=float)
    scores = panel_scores(comparison)
    figure = Figure(figsize=(4.6 * len(scores) + 0.6, 4.2), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(scores)))
    caption = _OVER_SEEDS
    for panel, score in zip(panels, scores, strict=True):
        if by is None:
            found = [(each, np.arange(len(keys))) for each in grid_series(comparison, keys, score)]
        else:
            found = _by_value(comparison, keys, by, score)
        for number, (each, own) in enumerate(found):
            shift = 0.08 * (number - (len(found) - 1) / 2)
            colour = COLOURS[number % len(COLOURS)]
            panel.plot(
                [at[own][dot] + shift for dot, _ in each.dots],
                [value for _, value in each.dots],
                "o", color=colour, alpha=0.35, ms=3.5, mew=0,
            )  # fmt: skip
            panel.errorbar(
                at[own] + shift, each.mean, yerr=each.spread, color=colour, marker=MARKERS[number % len(MARKERS)],
                ms=5.5, lw=1.4, ls=("-", "--", ":", "-.")[number % 4], capsize=3, label=each.name,
            )  # fmt: skip
        caption += _majority_line(comparison, panel, keys, score)
        panel.set_xticks(list(place_of.values()), [axis_value(axis, value) for value in place_of])
        if len(place_of) > 7 or max(len(axis_value(axis, value)) for value in place_of) * len(place_of) > 60:
            panel.tick_params(axis="x", rotation=45)
        panel.set_xlim(-0.5, len(place_of) - 0.5)
        panel.set_xlabel(axis_label(axis))
        panel.set_ylabel(score_axis(comparison, score))
        finish(panel, along="y")
    legend(figure, panels)
    if task:
        figure.suptitle(task, fontsize="medium")
    return Drawn(name=name, caption=caption, figure=figure)


def dots_figures(comparison: Comparison, keys: Sequence[Key], name: str, task: str) -> list[Drawn]:
    """A row a cell: a dot for each grid with its spread."""
    drawn = []
    for end, some in pieces(keys):
        scores = panel_scores(comparison)
        figure = Figure(figsize=(4.2 * len(scores) + 1.8, 1.6 + 0.36 * len(some)), layout="constrained")
        panels = np.atleast_1d(figure.subplots(1, len(scores), sharey=True))
        caption = _OVER_SEEDS
        for panel, score in zip(panels, scores, strict=True):
            found = grid_series(comparison, some, score)
            for number, each in enumerate(found):
                shift = 0.22 * (number - (len(found) - 1) / 2)
                colour = COLOURS[number % len(COLOURS)]
                where = np.arange(len(some)) + shift
                panel.plot(
                    [value for _, value in each.dots], [dot + shift for dot, _ in each.dots],
                    "o", color=colour, alpha=0.35, ms=3.5, mew=0,
                )  # fmt: skip
                panel.errorbar(
                    each.mean, where, xerr=each.spread, color=colour, marker=MARKERS[number % len(MARKERS)],
                    ms=5.5, lw=1.4, ls="none", capsize=3, label=each.name,
                )  # fmt: skip
            caption += _majority_line(comparison, panel, some, score, upright=True)
            if panel is panels[0]:
                _empty_rows(comparison, panel, some)
            panel.set_xlabel(score_axis(comparison, score))
            finish(panel, along="x")
        panels[0].set_yticks(range(len(some)), labels(comparison, some))
        panels[0].set_ylabel(only_axis(comparison))
        panels[0].set_ylim(len(some) - 0.5, -0.5)
        for row in _group_starts(comparison, some):
            for panel in panels:
                panel.axhline(row - 0.5, color="0.75", lw=0.8)
        legend(figure, panels)
        if task:
            figure.suptitle(task, fontsize="medium")
        drawn.append(Drawn(name=f"{name}{end}", caption=caption, figure=figure))
    return drawn


def bars_figures(comparison: Comparison, keys: Sequence[Key], name: str, task: str) -> list[Drawn]:
    """Accuracy, precision, recall, F1 and IoU side by side for each cell, on the objective's grid."""
    metric = comparison.metric
    if metric is None or metric.bin or metric.class_name or metric.score == "autoice":
        return []
    drawn = []
    for end, some in pieces(keys):
        found = [
            series(comparison, some, str(MetricName(grid=metric.grid, chart=metric.chart, score=score)), label)
            for score, label in zip(_BARS, ("accuracy", "precision", "recall", "F1", "IoU"), strict=True)
        ]
        figure = Figure(figsize=(max(5.0, 1.5 + 1.25 * len(some)), 4.2), layout="constrained")
        panel = figure.subplots()
        words = labels(comparison, some)
        tilted = max(map(len, words)) > 10 or len(some) > 9
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
            figure.set_figheight(4.2 + 0.05 * max(map(len, words)))
            panel.tick_params(axis="x", rotation=30)
            for label in panel.get_xticklabels():
                label.set_horizontalalignment("right")
        panel.set_ylim(0, 100)
        panel.set_ylabel("test score, weighted [%]")
        finish(panel, along="y")
        legend(figure, [panel])
        figure.suptitle(
            ", ".join(filter(None, (task, metric_label(f"{metric.grid}/f1").split(", ", 1)[1]))), fontsize="medium"
        )
        caption = (
            "Mean over seeds; bars are the spread over seeds. Scores of classes are averaged by their size. Weighted "
            "recall equals accuracy by definition; both are shown because published tables do."
        )
        drawn.append(Drawn(name=f"{name}{end}", caption=caption, figure=figure))
    return drawn


def _by_value(
    comparison: Comparison, keys: Sequence[Key], by: str, score: str
) -> list[tuple[Series, NDArray[np.intp]]]:
    """The objective's grid, a series for each value of the axis `by`, with the places of its cells in `keys`."""
    place = comparison.evidence.axes.index(by)
    metric = comparison.metric
    name = (
        str(MetricName(grid=metric.grid, chart=metric.chart, bin=metric.bin, class_name=metric.class_name, score=score))
        if metric
        else comparison.objective
    )
    found = []
    for value in dict.fromkeys(key[place] for key in keys):
        own = [number for number, key in enumerate(keys) if key[place] == value]
        label = f"{axis_label(by)} {axis_value(by, value)}"
        found.append((series(comparison, [keys[number] for number in own], name, label), np.array(own)))
    return found


def _majority_line(
    comparison: Comparison, panel: Axes, keys: Sequence[Key], score: str, *, upright: bool = False
) -> str:
    """What always saying the most common class would give, where that is one level for all cells.

    Returns:
        A sentence for the caption where the level is too far away to be drawn, so that the scores keep their room.
    """
    metric = comparison.metric
    if score != "f1" or metric is None or metric.bin or metric.class_name or metric.chart:
        return ""
    name = f"{metric.grid}/majority_f1"
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


def _empty_rows(comparison: Comparison, panel: Axes, keys: Sequence[Key]) -> None:
    """Says why a row has no dot."""
    for row, key in enumerate(keys):
        if not comparison.spread(key, comparison.objective).n:
            words = comparison.why_empty(key, comparison.metric)
            place = panel.get_yaxis_transform()
            panel.text(0.02, row, words, transform=place, va="center", fontsize=8, color="0.35", style="italic")


def _group_starts(comparison: Comparison, keys: Sequence[Key]) -> list[int]:
    """Rows before which the first of several axes changes."""
    axes = [axis for axis in comparison.evidence.axes if axis in own_axes(comparison)]
    if len(axes) < 2:
        return []
    place = comparison.evidence.axes.index(axes[0])
    return [row for row in range(1, len(keys)) if keys[row][place] != keys[row - 1][place]]
