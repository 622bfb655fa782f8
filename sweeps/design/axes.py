"""Axes of a study and the cells that they span: pure functions on names and values."""

import itertools
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from training.spec import TrialSpec

Value = str | int | float | bool | None
Changes = Mapping[str, Any]
"""Dotted spec field -> value; a name with a prefix is not of the spec."""

Axis = Sequence[Value] | Mapping[str, Changes]
"""Values of a spec field, or labels with changes of their own."""

FACTOR: Final = "factor"
"""Axis of a study that changes one thing at a time: which one; its value is on the axis `value`."""
VALUE: Final = "value"
UNCHANGED: Final = "base"
RECIPE: Final = "recipe."
"""Prefix of changes that need another lake: `recipe.chart_reduction`."""
ATTRIBUTION: Final = "attribution."
"""Prefix of settings of an attribution (`training.attribution.settings`): `attribution.method`."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One combination of a study's values.

    Attributes:
        labels: Its names for a reader: axis -> value.
        changes: What it does to the trial.
    """

    labels: Mapping[str, Value]
    changes: Changes


@dataclass(frozen=True, kw_only=True)
class Together:
    """What values of several axes mean together.

    Attributes:
        labels: Values by axis, one or several of each; a cell that has one of each is meant.
        changes: What they do to the trial besides; None where there is no such cell.
    """

    labels: Mapping[str, Value | tuple[Value, ...]]
    changes: Changes | None = None

    def meets(self, cell: Cell) -> bool:
        """Whether a cell has these values."""
        return all(
            axis in cell.labels
            and text(cell.labels[axis]) in map(text, wanted if isinstance(wanted, tuple) else (wanted,))
            for axis, wanted in self.labels.items()
        )


def joined(cells: Iterable[Cell], rules: Sequence[Together]) -> tuple[Cell, ...]:
    """The cells with what their values mean together, without those that there are not."""
    found = []
    for cell in cells:
        own = [rule.changes for rule in rules if rule.meets(cell)]
        if None not in own:
            changes = {path: value for each in (cell.changes, *own) for path, value in (each or {}).items()}
            found.append(Cell(labels=cell.labels, changes=changes))
    return tuple(found)


def text(value: Value) -> str:
    """A value as it is typed and shown: `none`, `true`, `0.001`, `5`."""
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def is_number(value: str) -> bool:
    """Whether the text of a value is a number."""
    try:
        float(value)
    except ValueError:
        return False
    return True


def cells_along(axis: str, values: Axis) -> tuple[Cell, ...]:
    """The cells along one axis."""
    if isinstance(values, Mapping):
        return tuple(Cell(labels={axis: label}, changes=changes) for label, changes in values.items())
    return tuple(Cell(labels={axis: value}, changes={axis: value}) for value in values)


def grid(axes: Mapping[str, Axis]) -> tuple[Cell, ...]:
    """Every value of every axis with every value of the others; the last axis is the fastest."""
    rows = itertools.product(*(cells_along(axis, values) for axis, values in axes.items()))
    return tuple(
        Cell(
            labels={axis: value for step in row for axis, value in step.labels.items()},
            changes={path: value for step in row for path, value in step.changes.items()},
        )
        for row in rows
    )


def one_at_a_time(axes: Mapping[str, Axis], base: TrialSpec) -> tuple[Cell, ...]:
    """The unchanged trial, then every value of every axis with all others unchanged.

    A value that the trial has already is the unchanged trial, and no cell of its own.
    """
    found = [Cell(labels={FACTOR: UNCHANGED, VALUE: UNCHANGED}, changes={})]
    for axis, values in axes.items():
        for step in cells_along(axis, values):
            if changes_trial(base, step.changes):
                found.append(Cell(labels={FACTOR: axis, VALUE: text(step.labels[axis])}, changes=step.changes))
    return tuple(found)


def draw(cells: Sequence[Cell], count: int) -> tuple[Cell, ...]:
    """A number of the cells, drawn at random but always the same; a smaller number gives the first ones of a larger."""
    order = list(cells)
    random.Random(0).shuffle(order)
    return tuple(order[:count])


def meets(labels: Mapping[str, Value], conditions: Mapping[str, frozenset[str]]) -> bool:
    """Whether each condition's label is there with one of the wanted values."""
    return all(axis in labels and text(labels[axis]) in wanted for axis, wanted in conditions.items())


def changes_trial(base: TrialSpec, changes: Changes) -> bool:
    """Whether the changes make another trial of it; changes outside the spec always do."""
    inside = spec_changes(changes)
    if len(inside) < len(changes):
        return True
    before, after = (json.dumps(spec.to_dict(), sort_keys=True) for spec in (base, base.with_all(inside)))
    return before != after


def spec_changes(changes: Changes) -> dict[str, Any]:
    """The changes of the spec itself."""
    return {path: value for path, value in changes.items() if not path.startswith((RECIPE, ATTRIBUTION))}


def other_changes(changes: Changes, prefix: str) -> dict[str, Any]:
    """The changes with this prefix, without it."""
    return {path.removeprefix(prefix): value for path, value in changes.items() if path.startswith(prefix)}
