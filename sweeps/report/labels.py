"""What a trial's row in MLflow says it is: its cell, task, seed and target; and the design of a study that has none."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sweeps.design.axes import is_number
from sweeps.record.design import StudyDesign
from sweeps.record.run_tags import AXIS_TAG, seed_of, tagged_axes, value_on
from sweeps.record.study import TrialRow
from sweeps.report.wording import TASK_AXES, task_label
from training.evaluation.metric_names import USUAL_SCORES

NOT_SETTINGS: Final = frozenset({"seed", "data.lake"})
"""Params that differ between trials of the same settings."""

ENOUGH_TO_RANK: Final = 3
"""Fewest seeds of what is ranked, and of what is chosen where others have them."""
VAL_SCORE: Final = "best/val_f1"
"""Weighted F1 on the val scenes, of the epoch that was kept."""

Key = tuple[str, ...]
"""A cell: its value on every axis, empty where it has none."""


def design_from_rows(question: str, rows: Sequence[TrialRow]) -> StudyDesign:
    """The design of a study that has none on record: axes by tags, else the params that differ between its trials."""
    tagged = tagged_axes(rows) or dict.fromkeys(
        name
        for row in rows
        for name in row.params
        if name not in NOT_SETTINGS and len({other.params.get(name) for other in rows}) > 1
    )
    axes = {axis: tuple(sorted({value_on(row, axis) for row in rows} - {""}, key=_by_size)) for axis in tagged}
    have = {name for row in rows for name in row.metrics}
    return StudyDesign(
        question=question,
        objective=next((name for name in USUAL_SCORES if name in have), USUAL_SCORES[0]),
        axes=axes,
        seeds=tuple(sorted({seed_of(row) for row in rows})),
        trials=len(rows),
    )


def task_of_row(row: TrialRow) -> str:
    """Task by tag or param; pixel-based where neither says so."""
    tags = (row.tags.get(f"{AXIS_TAG}{axis}") for axis in TASK_AXES)
    return next((task for task in tags if task), row.params.get("data.task", "pixel"))


def added_axis(design: StudyDesign, rows: Sequence[TrialRow]) -> tuple[str, ...]:
    """Trials of two tasks are never averaged, also where the design has no axis for them."""
    several = len({task_label(task_of_row(row)) for row in rows}) > 1
    return ("task",) if several and not set(TASK_AXES) & set(design.axes) else ()


def first_target(params: Mapping[str, str]) -> str:
    """First target chart of a trial by its params."""
    return next((name for name in re.findall(r"[A-Z]+", params.get("data.targets", ""))), "SOD")


def settings_of(row: TrialRow) -> dict[str, str]:
    """Params that are not its seed or its lake: trials with the same settings are seeds of one model."""
    return {name: value for name, value in row.params.items() if name not in NOT_SETTINGS}


def by_settings(rows: Iterable[TrialRow]) -> list[list[TrialRow]]:
    """Trials of one task with the same settings together, by seed; of a seed that occurs twice the last one counts."""
    found: dict[tuple[str, str], dict[int, TrialRow]] = {}
    for row in rows:
        settings = json.dumps(settings_of(row), sort_keys=True)
        found.setdefault((task_label(task_of_row(row)), settings), {})[seed_of(row)] = row
    return [[of_seed[seed] for seed in sorted(of_seed)] for of_seed in found.values()]


def best_by_val(groups: Iterable[Sequence[TrialRow]]) -> list[TrialRow]:
    """Of trials by settings those with the best mean val F1: test scenes have no part in the choice.

    Settings with at least `ENOUGH_TO_RANK` seeds go before those with fewer: the best of many single seeds is luck. Of
    equal ones the last is taken.
    """

    def rank(rows: Sequence[TrialRow]) -> tuple[bool, float]:
        values = [row.metrics[VAL_SCORE] for row in rows if VAL_SCORE in row.metrics]
        return len(rows) >= ENOUGH_TO_RANK, sum(values) / len(values) if values else -1.0

    best: Sequence[TrialRow] = ()
    for rows in groups:
        best = max(rows, best, key=rank) if best else rows
    return list(best)


def ordered(design: StudyDesign, added: int, found: Sequence[Key]) -> tuple[Key, ...]:
    """Cells in the order of the design; values of an axis in its order, unknown ones after them.

    Cells that the design leaves out stand at their place where its cells go by the order of the axes, else at the end.
    """
    places = [{value: place for place, value in enumerate(values)} for values in design.axes.values()]

    def rank(key: Key) -> tuple[object, ...]:
        own = key[added:]
        known = [table.get(value, len(table)) for table, value in zip(places, own, strict=True)]
        return (*key[:added], *known, *(_by_size(value) for value in own))

    rest = [("",) * added + cell for cell in design.cells]
    if rest == sorted(rest, key=rank):
        return tuple(sorted(set(found), key=rank))
    cells = {cell: place for place, cell in enumerate(design.cells)}
    return tuple(sorted(set(found), key=lambda key: (cells.get(key[added:], len(cells)), rank(key))))


def _by_size(value: str) -> tuple[bool, float, str]:
    """Numbers by size, before words by letter."""
    return (not is_number(value), float(value) if is_number(value) else 0.0, value)
