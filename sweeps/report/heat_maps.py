"""Tables of numbers as colours: two axes, trained on against tested on, classes, confusion matrices."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from datasets.labels import chart
from datasets.plural import plural
from sweeps.report.cells import CellComparison
from sweeps.report.drawing import LABEL, Drawn, add_title, cell_labels, in_parts, only_axis
from sweeps.report.labels import Key
from sweeps.report.score_tables import bin_metric, class_metrics
from sweeps.report.wording import (
    axis_label,
    axis_value,
    cell_label,
    class_label,
    is_share,
    metric_label,
    parsed_label,
)
from training.artifacts.figures import confusion_figure, draw_confusion, text_colour, wrapped
from training.evaluation.bins import PATCHES
from training.evaluation.metric_names import MetricName, grid_label

_COLOURS = "cividis"
"""Made for every kind of colour vision; lightness alone tells more from less."""

HeatCell = tuple[float, float] | str
"""A value and its spread (NaN where there is none); or a word why there is no value."""


def axes_figure(
    comparison: CellComparison, keys: Sequence[Key], rows: str, columns: str, name: str, title: str
) -> Drawn:
    """The objective over two axes of the study."""
    axes = comparison.evidence.axes
    across = list(dict.fromkeys(key[axes.index(columns)] for key in keys))
    down = list(dict.fromkeys(key[axes.index(rows)] for key in keys))
    cells = {
        (key[axes.index(rows)], key[axes.index(columns)]): _cell(comparison, key, comparison.metric) for key in keys
    }
    figure = heat_map(
        [[cells.get((row, column), "not in the study") for column in across] for row in down],
        [axis_value(rows, value) for value in down],
        [axis_value(columns, value) for value in across],
        down=axis_label(rows),
        across=axis_label(columns),
        label=metric_label(comparison.objective),
        share=is_share(comparison.objective),
        title=title,
    )
    return Drawn(name=name, caption="Mean over seeds, below it ± the spread over seeds.", figure=figure)


def bins_figures(comparison: CellComparison, keys: Sequence[Key], name: str, title: str) -> Iterator[Drawn]:
    """Cells down, groups of test scenes across: trained on against tested on."""
    metrics = {each: bin_metric(comparison, each) for each in comparison.evidence.design.bins}
    label = parsed_label(replace(next(iter(metrics.values())), bin=None))
    caption = "Mean over seeds, below it ± the spread over seeds; rows are what was trained, columns what was tested."
    return _metrics_figures(comparison, keys, metrics, name, caption, across="test scenes of", label=label, title=title)


def classes_figures(comparison: CellComparison, keys: Sequence[Key], name: str, title: str) -> Iterator[Drawn]:
    """Cells down, F1 of every class across."""
    metrics = {class_label(each): metric for each, metric in class_metrics(comparison).items()}
    if not metrics:
        return iter(())
    caption = (
        "F1 of each class, mean over seeds, below it ± the spread over seeds. 'not there' is a class that is neither "
        "in the charts of the test scenes nor predicted."
    )
    label = f"F1 of the class, {grid_label(next(iter(metrics.values())).grid)}"
    return _metrics_figures(
        comparison, keys, metrics, name, caption, across="class", label=label, title=title, why="not there"
    )


def _metrics_figures(
    comparison: CellComparison,
    keys: Sequence[Key],
    metrics: Mapping[str, MetricName],
    name: str,
    caption: str,
    *,
    across: str,
    label: str,
    title: str,
    why: str = "",
) -> Iterator[Drawn]:
    """Cells down, metrics across; `why` says why a cell has no value, empty: by its test scenes."""
    for end, some in in_parts(keys):
        figure = heat_map(
            [[_cell(comparison, key, metric, why) for metric in metrics.values()] for key in some],
            cell_labels(comparison, some),
            list(metrics),
            down=only_axis(comparison),
            across=across,
            label=label,
            title=title,
        )
        yield Drawn(name=f"{name}{end}", caption=caption, figure=figure)


def _cell(comparison: CellComparison, key: Key, metric: MetricName | None, why: str = "") -> HeatCell:
    each = comparison.spread(key, str(metric) if metric is not None else comparison.objective)
    return (each.mean, each.spread) if each.n else why or comparison.why_empty(key, metric)


_LETTER: Final = 0.09
"""Inches along a letter of a label."""


def heat_map(
    cells: Sequence[Sequence[HeatCell]],
    down_labels: Sequence[str],
    across_labels: Sequence[str],
    *,
    down: str,
    across: str,
    label: str,
    share: bool = True,
    title: str = "",
) -> Figure:
    """A colour and a number for each cell; hatched, with a word why, where there is none.

    Cells are by row; shares are shown in percent. `down` and `across` name the axes, `label` the colours (without
    unit). The title may be empty.
    """
    rows, columns = len(cells), len(across_labels)
    factor = 100.0 if share else 1.0
    across_words = [wrapped(each, 12) for each in across_labels]
    down_words = [wrapped(each, LABEL) for each in down_labels]
    longest = max((len(line) for each in down_words for line in each.split("\n")), default=0)
    height = 0.52 * rows + 0.5
    figure = Figure(
        figsize=(
            2.2 + 0.075 * longest + 0.95 * columns,
            1.2 + height + 0.12 * max(each.count("\n") for each in across_words),
        ),
        layout="constrained",
    )
    panel = figure.subplots()
    shown = np.ma.masked_invalid(
        [[np.nan if isinstance(cell, str) else factor * cell[0] for cell in row] for row in cells]
    )
    image = panel.imshow(shown, cmap=_COLOURS, aspect="auto")
    if shown.count() and shown.max() - shown.min() < 1e-9:  # one number: a colour in the middle
        image.set_clim(shown.min() - 1, shown.max() + 1)
    colours = matplotlib.colormaps[_COLOURS]
    for row in range(rows):
        for column in range(columns):
            cell = cells[row][column]
            if isinstance(cell, str):
                panel.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fc="0.94", ec="0.8", hatch="///", lw=0))
                text = "\n".join(textwrap.wrap(textwrap.shorten(cell, 40), 10))
                box = {"fc": "0.94", "ec": "none", "pad": 1}
                panel.text(column, row, text, ha="center", va="center", fontsize=7.5, color="0.2", bbox=box)
                continue
            value, spread = shown[row, column], factor * cell[1]
            text = f"{value:.1f}" if share else f"{value:.3g}"
            if spread == spread:
                text += f"\n± {spread:.1f}" if share else f"\n± {spread:.2g}"
            colour = text_colour([float(part) for part in colours(image.norm(value))])
            panel.text(column, row, text, ha="center", va="center", fontsize=9, color=colour)
    panel.set_xticks(range(columns), across_words)
    panel.set_yticks(range(rows), down_words)
    panel.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    panel.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    panel.grid(which="minor", color="white", lw=1.5)
    panel.tick_params(which="both", length=0)
    panel.spines[:].set_visible(False)
    panel.set_xlabel(across)
    panel.set_ylabel(down)
    colours_are = wrapped(f"{label}{' [%]' if share else ''}", max(12, int(height / _LETTER)))
    figure.colorbar(image, ax=panel, label=colours_are, fraction=0.05)
    add_title(figure, title)
    return figure


_ACROSS: Final = 2
"""Matrices beside each other that a page can show with legible numbers."""


def best_confusion(comparison: CellComparison, key: Key, name: str, task: str) -> list[Drawn]:
    """Confusion matrix of one cell on the objective's grid, added up over its seeds; none without results."""
    pooled, metric = comparison.pooled(key), comparison.metric
    if pooled is None or metric is None:
        return []
    target, matrix = pooled
    cell, trials = cell_label(comparison.evidence.axes, key), _seeds(comparison, key)
    title = f"best: {cell}, {grid_label(metric.grid)}, {trials} added up"
    figure = confusion_figure(matrix, chart(target), title, unit=_unit(metric.grid))
    caption = (
        f"Confusion matrix of the best {task + ' ' if task else ''}cell ({cell}). Rows are the true class and "
        f"add up to 100 %; counts are added up over {trials}."
    )
    return [Drawn(name=name, caption=caption, figure=figure)]


def side_by_side(comparison: CellComparison, keys: Sequence[Key], name: str) -> list[Drawn]:
    """Confusion matrices of the cells with results on the objective's grid, each added up over its seeds."""
    metric = comparison.metric
    found = {key: pooled for key in keys if (pooled := comparison.pooled(key)) is not None}
    if not found or metric is None:
        return []
    n = max(matrix.n_classes for _, matrix in found.values())
    across = min(len(found), _ACROSS)
    down = -(-len(found) // across)
    size = (across * (2.4 + 0.85 * n) + 0.8, down * (1.9 + 0.7 * n))
    figure = Figure(figsize=size, layout="constrained")
    panels = np.atleast_1d(figure.subplots(down, across)).ravel()
    image = None
    for panel, (key, (target, matrix)) in zip(panels, found.items(), strict=False):
        title = f"{cell_label(comparison.evidence.axes, key)} ({_seeds(comparison, key)})"
        image = draw_confusion(panel, matrix, chart(target), title, unit=_unit(metric.grid))
    for panel in panels[len(found) :]:
        panel.set_axis_off()
    assert image is not None
    figure.colorbar(image, ax=list(panels), label="share of the true class", fraction=0.03, aspect=40)
    caption = (
        f"Confusion matrices, {grid_label(metric.grid)}. Rows are the true class and add up to 100 %; counts are added "
        "up over seeds."
    )
    return [Drawn(name=name, caption=caption, figure=figure)]


def _seeds(comparison: CellComparison, key: Key) -> str:
    return plural(sum(trial.result is not None for trial in comparison.evidence.trials_of(key)), "seed")


def _unit(grid: str) -> str:
    return "patches" if grid == PATCHES else "px"
