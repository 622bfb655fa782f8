"""Which figures answer a study: by its axes, the kind of their values, and the bins that it compares."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sweeps.design.axes import FACTOR, VALUE, is_number
from sweeps.report.cells import CellComparison
from sweeps.report.drawing import Drawn, own_axes
from sweeps.report.heat_maps import axes_figure, best_confusion, bins_figures, classes_figures
from sweeps.report.labels import Key
from sweeps.report.score_figures import bars_figures, difference_figures, dots_figures, lines_figure
from training.evaluation.metric_names import ICE

_NETWORKS = ("model.name", "model", "network")
_FEW = 5
"""Most lines in a figure, and most networks, that a reader can tell apart."""


def main_figures(comparison: CellComparison) -> list[Drawn]:
    """The main figures: score against the axes of the study, one figure per task."""
    drawn: list[Drawn] = []
    for part in _by_task(comparison):
        drawn += _of_axes(comparison, part.keys, f"scores{part.end}", part.title)
        if any(axis in _NETWORKS for axis in own_axes(comparison)):
            drawn += bars_figures(comparison, part.scored, f"networks{part.end}", part.title)
    return drawn


def against_figures(comparison: CellComparison) -> list[Drawn]:
    """Differences from the reference and from the best, by both objectives."""
    drawn: list[Drawn] = []
    for part in _by_task(comparison):
        for by in comparison.both:
            end = f"{'_ice' if by.objective.endswith(ICE) else ''}{part.end}"
            every = by.differences(part.task)
            for against in dict.fromkeys(each.against for each in every):
                role = "reference" if against == by.reference(part.task) else "best"
                some = [each for each in every if each.against == against]
                drawn += difference_figures(by, some, f"differences_from_{role}{end}", part.title)
    return drawn


def bin_figures(comparison: CellComparison) -> list[Drawn]:
    """Cells against groups of test scenes."""
    if not comparison.evidence.design.bins:
        return []
    return [
        each
        for part in _by_task(comparison)
        for each in bins_figures(comparison, part.keys, f"bins{part.end}", part.title)
    ]


def class_figures(comparison: CellComparison) -> list[Drawn]:
    """F1 of every class, and the confusion matrix of the best cell."""
    drawn: list[Drawn] = []
    for part in _by_task(comparison):
        drawn += classes_figures(comparison, part.scored, f"classes{part.end}", part.title)
        best = comparison.best(part.task)
        drawn += best_confusion(comparison, best, f"confusion{part.end}", part.title) if best is not None else []
    return drawn


@dataclass(frozen=True, kw_only=True)
class _TaskCells:
    """What is drawn together: the cells of one task, and those of them that have the objective (`scored`).

    Title, and end of the names of figures, are empty where the study has one task.
    """

    task: str
    title: str
    end: str
    keys: tuple[Key, ...]
    scored: tuple[Key, ...]


def _by_task(comparison: CellComparison) -> list[_TaskCells]:
    """A part for every task with a scored cell."""
    evidence, task_of = comparison.evidence, comparison.evidence.task_of
    tasks = tuple(dict.fromkeys(task_of[key] for key in comparison.keys))
    return [
        _TaskCells(
            task=task,
            title=task if len(set(task_of.values())) > 1 else "",
            end=f"_{task.partition('-')[0]}" if len(tasks) > 1 else "",
            keys=tuple(key for key in evidence.keys if task_of[key] == task),
            scored=tuple(key for key in comparison.keys if task_of[key] == task),
        )
        for task in tasks
    ]


def _of_axes(comparison: CellComparison, keys: Sequence[Key], name: str, task: str) -> Iterable[Drawn]:
    axes, own = comparison.evidence.axes, own_axes(comparison)
    own = tuple(axis for axis in own if len({key[axes.index(axis)] for key in keys}) > 1)
    numeric = {axis: all(is_number(key[axes.index(axis)]) for key in keys) for axis in own}
    if len(own) == 1 and numeric[own[0]]:
        return [lines_figure(comparison, keys, own[0], None, name, task)]
    if len(own) == 2 and set(own) != {FACTOR, VALUE}:
        counts = {axis: len({key[axes.index(axis)] for key in keys}) for axis in own}
        lines, groups = sorted(own, key=lambda axis: (numeric[axis], counts[axis]), reverse=True)
        if numeric[lines] and not numeric[groups] and counts[groups] <= _FEW:
            return [lines_figure(comparison, keys, lines, groups, name, task)]
        if 2 * len(keys) >= counts[lines] * counts[groups] and max(counts.values()) <= 16:
            return [axes_figure(comparison, keys, own[0], own[1], name, task)]
    return dots_figures(comparison, keys, name, task)
