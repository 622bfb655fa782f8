"""What the figures of a report have in common. Matplotlib without pyplot, so without global state."""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sweeps.report.cells import CellComparison
from sweeps.report.labels import Key
from sweeps.report.page import DPI, Picture
from sweeps.report.wording import (
    TASK_AXES,
    axis_label,
    axis_value,
    cell_label,
    is_share,
    metric_label,
    score_label,
)
from training.artifacts.figures import OKABE_ITO, wrapped
from training.evaluation.metric_names import ICE, grid_label, grids_in

# Blue and vermilion differ most in every kind of colour vision, and in lightness; yellow is too light for lines.
COLOURS: Final = ("#0072b2", *(colour for colour in OKABE_ITO if colour != "#0072b2"))
MARKERS: Final = ("o", "D", "s", "^", "v", "P", "X")
PER_FIGURE: Final = 24
"""Most rows in one figure; more are drawn as several."""
LABEL: Final = 34
"""Letters of a line of a label beside a row: longer ones would leave no room, or make a figure wider than a page."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A figure, the name of its file without ending, and the words under it, for those who cannot see it too."""

    name: str
    caption: str
    figure: Figure


def pictures(figures: Iterable[Drawn]) -> tuple[Picture, ...]:
    """The figures as PNG; the same numbers give the same bytes."""
    return tuple(map(picture, figures))


def picture(drawn: Drawn) -> Picture:
    """One figure as PNG."""
    FigureCanvasAgg(drawn.figure)  # draws for itself, whatever backend the process has
    file = io.BytesIO()
    drawn.figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})  # without matplotlib's version
    return Picture(name=drawn.name, caption=drawn.caption, png=file.getvalue())


@dataclass(frozen=True, kw_only=True)
class Series:
    """One metric of many cells, as percent where it is a share.

    Attributes:
        name: For the legend.
        mean: (n,) over seeds; NaN where a cell has none.
        spread: (n,) likewise; NaN, which no bar is drawn for, where there is one seed.
        dots: Every trial: place of its cell and value.
    """

    name: str
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    dots: tuple[tuple[int, float], ...]


def series(comparison: CellComparison, keys: Sequence[Key], metric: str, name: str) -> Series:
    """Reads one metric of these cells."""
    factor = 100.0 if is_share(metric) else 1.0
    spreads = [comparison.spread(key, metric) for key in keys]
    dots = [
        (place, factor * trial.metrics[metric])
        for place, key in enumerate(keys)
        for trial in comparison.evidence.trials_of(key)
        if metric in trial.metrics
    ]
    return Series(
        name=name,
        mean=factor * np.array([each.mean for each in spreads]),
        spread=factor * np.array([each.spread for each in spreads]),
        dots=tuple(dots),
    )


def grid_series(comparison: CellComparison, keys: Sequence[Key], score: str) -> list[Series]:
    """A score on every grid that has it, the objective's grid first."""
    metric = comparison.metric
    if metric is None:
        return [series(comparison, keys, comparison.objective, metric_label(comparison.objective))]
    names = {name for key in keys for trial in comparison.evidence.trials_of(key) for name in trial.metrics}
    wanted = [replace(metric, grid=grid, score=score) for grid in dict.fromkeys([metric.grid, *grids_in(names)])]
    return [series(comparison, keys, str(each), grid_label(each.grid)) for each in wanted if str(each) in names]


def panel_scores(comparison: CellComparison) -> tuple[str, ...]:
    """Scores worth a panel: both objectives; for trials without macro F1 over ice that over all classes."""
    metric = comparison.metric
    if metric is None or metric.class_name or metric.score not in ("f1", "f1_macro", ICE):
        return (metric.score if metric is not None else comparison.objective,)
    if metric.score != "f1":
        return (metric.score, "f1")
    return ("f1", ICE if comparison.second is not None else "f1_macro")


def score_axis(comparison: CellComparison, score: str) -> str:
    """Label of a score axis, with its unit."""
    metric = comparison.metric
    if metric is None:
        return metric_label(comparison.objective)
    words = [metric.chart, metric.class_name and metric.class_name.replace("_", " "), score_label(score), metric.bin]
    return f"test {', '.join(word for word in words if word)} [%]"


def own_axes(comparison: CellComparison) -> tuple[str, ...]:
    """Axes on which the cells of one task differ."""
    evidence = comparison.evidence
    places = [place for place, axis in enumerate(evidence.axes) if axis not in TASK_AXES]
    return tuple(evidence.axes[place] for place in places if len({key[place] for key in evidence.keys} - {""}) > 1)


def cell_labels(comparison: CellComparison, keys: Sequence[Key]) -> list[str]:
    """The cells of one task in words, without what they share; a single axis is named beside them, by `only_axis`."""
    axes, own = comparison.evidence.axes, own_axes(comparison)
    if len(own) == 1:
        return [axis_value(own[0], key[axes.index(own[0])]) for key in keys]
    skip = [axis for axis in axes if axis not in own]
    return [cell_label(axes, key, skip) for key in keys]


def only_axis(comparison: CellComparison) -> str:
    """Name of the one axis on which the cells of a task differ; empty where there are several."""
    own = own_axes(comparison)
    return axis_label(own[0]) if len(own) == 1 else ""


def in_parts(keys: Sequence[Key]) -> Iterator[tuple[str, Sequence[Key]]]:
    """The cells in as many parts as figures need, each with the end of its name."""
    count = -(-len(keys) // PER_FIGURE)
    size = -(-len(keys) // max(count, 1))
    for part in range(count):
        yield (f"_{part + 1}" if count > 1 else ""), keys[part * size : (part + 1) * size]


def cell_rows(comparison: CellComparison, panel: Axes, keys: Sequence[Key]) -> None:
    """A row for each cell, the first on top, with its words."""
    panel.set_yticks(range(len(keys)), [wrapped(each, LABEL) for each in cell_labels(comparison, keys)])
    panel.set_ylabel(only_axis(comparison))
    panel.set_ylim(len(keys) - 0.5, -0.5)


def add_grid(axes: Axes, *, along: str) -> None:
    """Light rules along the score axis, no box."""
    axes.grid(axis="x" if along == "x" else "y", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def add_title(figure: Figure, title: str) -> None:
    """A title above all panels; none if it is empty."""
    if title:
        figure.suptitle(title, fontsize="medium")


def add_legend(figure: Figure, panels: Iterable[Axes]) -> None:
    """One legend below all panels, without repetition; none for a single entry."""
    entries: dict[str, Artist] = {}
    for panel in panels:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if len(entries) > 1:
        figure.legend(
            entries.values(),
            entries.keys(),
            loc="outside lower center",
            ncols=min(len(entries), 5),
            fontsize="small",
            frameon=False,
        )
