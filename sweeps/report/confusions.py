"""Confusion matrices of cells, of one or of several side by side."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.figure import Figure

from datasets.labels import chart
from sweeps.report.cells import CellComparison
from sweeps.report.drawing import Drawn
from sweeps.report.labels import Key
from sweeps.report.wording import cell_label, plural
from training.artifacts.figures import confusion_figure, draw_confusion
from training.evaluation.bins import PATCHES
from training.evaluation.metric_names import grid_label

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
