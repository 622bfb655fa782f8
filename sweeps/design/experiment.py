"""`Experiment`: a study as data. Pure: no Ray, no MLflow, no torch; expands into trial specs and nothing else.

A study asks one question of one or both tasks of the benchmark. Each task is an `Arm`: the trial that is changed, and
the axes along which it is changed. Every cell of an arm, with every seed, is a `Point`: one trial.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, Literal

from datasets.errors import IceBenchError, UnknownNameError, unknown_name
from sweeps.design.axes import (
    RECIPE,
    UNCHANGED,
    Axis,
    Cell,
    Changes,
    Together,
    Value,
    cells_along,
    changes_trial,
    draw,
    grid,
    joined,
    meets,
    one_at_a_time,
    text,
)
from sweeps.design.point import Point, point_of
from training.attribution.settings import AttributionError
from training.spec import SpecError, Task, TrialSpec
from training.spec.data import TASKS

TASK: Final = "task"
SEED: Final = "seed"


class ExperimentError(IceBenchError, ValueError):
    """A study that does not expand into valid trials."""


SEEDS: Final = 5
"""Trainings of each cell of a study, and of a model that is compared: with fewer the test of differences does not hold
its level where seeds differ more than scenes."""
SMOKE_SEEDS: Final = 3
"""Seeds of a smoke run: it shows that all works, spread included, and its scores say nothing."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One task of a study.

    Attributes:
        base: The trial that the axes change.
        axes: Axis name -> values. The name is a dotted spec field and the values are put there; or any word, and the
            values are labels, each with its own changes: dotted spec field -> value, `recipe.X` -> option of the lake,
            `attribution.X` -> setting of an attribution, which explains a trained network instead of training one.
        together: What values of several axes mean together, and which combinations are no cells.
        optional: Values that a run has only where they are asked for by name (`--only data.ratio=1`), by axis; each
            with what it costs.
        crossed: Whether every value of an axis is combined with every value of the others; if not, one axis is changed
            at a time, and the trial without a change is a cell too.
        drawn: Number of combinations of all axes that are drawn at random (always the same ones) instead of these.
        smoke: Dotted spec field -> value that makes any trial small enough for a laptop.
        smoke_axes: Values of axes in a smoke run, where those of the study would be too large; one without values is
            left out of it.
        smoke_together: What these mean together, in place of `together`.
    """

    base: TrialSpec
    axes: Mapping[str, Axis]
    together: Sequence[Together] = ()
    optional: Mapping[str, Mapping[Value, str]] = field(default_factory=dict)
    crossed: bool = True
    drawn: int | None = None
    smoke: Changes = field(default_factory=dict)
    smoke_axes: Mapping[str, Axis] = field(default_factory=dict)
    smoke_together: Sequence[Together] | None = None

    def cells(self) -> tuple[Cell, ...]:
        """Labels and changes of every cell, the last axis fastest."""
        if self.drawn is not None:
            return draw(joined(grid(self.choices()), self.together), self.drawn)
        cells = grid(self.axes) if self.crossed else one_at_a_time(self.axes, self.base)
        return joined(cells, self.together)

    def choices(self) -> dict[str, dict[str, Changes]]:
        """What a search can choose: the changes of every value of every axis, by axis and by the value as text.

        Where axes are changed one at a time, each has the unchanged trial among its values. Options of the lake are
        left out, since a search stays on one lake, and so are optional values.
        """
        found: dict[str, dict[str, Changes]] = {}
        for axis, values in self.axes.items():
            if axis.startswith(RECIPE):
                continue
            found[axis] = {
                text(cell.labels[axis]): cell.changes
                for cell in cells_along(axis, values)
                if cell.labels[axis] not in self.optional.get(axis, ())
            }
            if not self.crossed and all(changes_trial(self.base, changes) for changes in found[axis].values()):
                found[axis] = {UNCHANGED: {}, **found[axis]}
        return found

    def smaller(self) -> "Arm":
        """The arm of a smoke run."""
        together = self.together if self.smoke_together is None else self.smoke_together
        axes = {name: axis for name, axis in {**self.axes, **self.smoke_axes}.items() if axis}
        return replace(self, base=self.base.with_all(self.smoke), axes=axes, together=together, smoke={})

    def runs(self, labels: Mapping[str, Value], conditions: Mapping[str, frozenset[str]]) -> bool:
        """Whether a trial with these labels is in a part of the study: optional ones only if asked for by name."""
        return meets(labels, conditions) and not any(
            labels.get(axis) in values and text(labels[axis]) not in conditions.get(axis, ())
            for axis, values in self.optional.items()
        )


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One question, asked of every cell of its arms, with every seed.

    Attributes:
        name: Name of the study and of its MLflow experiment.
        question: The question, one sentence; shown in the help and in MLflow.
        arms: Task -> its cells. A task without trials in this study is left out.
        seeds: One training of every cell for each; the spread over them is the error bar.
        objective: Test metric by which cells are compared in the report. Never what a search looks at: that is the val
            score.
        bins: Test scenes whose scores the report shows by themselves: seasons, locations, cryoseasons.
        conditions: Labels that a trial must have to be in this part of the study; see `only`.
        trained_by: For a study of attributions: the command that trains the network of a trial, with labels in braces,
            `python sweeps/base_model.py --only model={model}`. Empty for a study of trainings.

    Raises:
        ExperimentError: An axis is no spec field, has no values, or repeats one; raised when the study is defined, not
            when it runs.
    """

    name: str
    question: str
    arms: Mapping[Task, Arm]
    seeds: Sequence[int] = tuple(range(SEEDS))
    objective: str = "test_80m/f1"
    bins: Sequence[str] = ()
    conditions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    trained_by: str = ""

    def __post_init__(self) -> None:
        if not self.arms:
            raise ExperimentError(f"study {self.name!r} has no arm: give it one of {', '.join(TASKS)}")
        axes = [*((f"{axis} ({task})", values) for task, arm in self.arms.items() for axis, values in arm.axes.items())]
        for axis, values in [*axes, (SEED, self.seeds)]:
            if not values or len(set(values)) != len(values):
                raise ExperimentError(
                    f"axis {axis!r} of study {self.name!r} has the values {list(values)}: at least one is needed, "
                    "each once"
                )
        try:
            self.trials()
            if any(arm.smoke for arm in self.arms.values()):
                self.smaller()
        except (SpecError, AttributionError, UnknownNameError) as error:
            raise ExperimentError(f"study {self.name!r} does not expand: {error}") from error
        if any((trial.attribution is not None) != bool(self.trained_by) for trial in self.trials()):
            raise ExperimentError(
                f"study {self.name!r} needs trained_by if its trials explain networks, and must not have it "
                "otherwise: explain in all of its trials, or in none"
            )

    def trials(self) -> tuple[Point, ...]:
        """Every cell of every arm with every seed, in the order of the study."""
        return self._trials

    @cached_property
    def _trials(self) -> tuple[Point, ...]:
        return tuple(
            trial for task, arm in self.arms.items() for cell in arm.cells() for trial in self._seeded(task, arm, cell)
        )

    def _seeded(self, task: Task, arm: Arm, cell: Cell) -> Iterator[Point]:
        for seed in self.seeds:
            labels = {TASK: task, **cell.labels, SEED: seed}
            if arm.runs(labels, self.conditions):
                yield point_of(arm.base, cell.changes, labels, seed)

    def labels(self) -> dict[str, tuple[str, ...]]:
        """Every label of the trials and its values as text, in the order of the study; the seed is the last."""
        found: dict[str, dict[str, None]] = {}
        for trial in self.trials():
            for axis, value in trial.labels.items():
                found.setdefault(axis, {})[text(value)] = None
        seeds = found.pop(SEED, {})
        return {axis: tuple(values) for axis, values in found.items()} | {SEED: tuple(seeds)}

    def drawing(self, maps: str) -> "Experiment":
        """The same trials, which draw other maps of their test scenes; see `EvaluationSpec.maps`."""
        arms = {task: replace(arm, base=arm.base.with_("evaluation.maps", maps)) for task, arm in self.arms.items()}
        return replace(self, arms=arms)

    def with_seeds(self, count: int) -> "Experiment":
        """The study with seeds 0 .. count - 1."""
        return replace(self, seeds=tuple(range(count)))

    def of_task(self, task: Literal["pixel", "patch", "both"]) -> "Experiment":
        """The arm of one task, or both.

        Raises:
            ExperimentError: The study does not have the task.
        """
        if task == "both":
            return self
        if task not in self.arms:
            raise ExperimentError(f"study {self.name!r} has no {task}-based trials: --task {', '.join(self.arms)}")
        return replace(self, arms={task: self.arms[task]})

    def searched(self, suffix: str, drawn: int) -> "Experiment":
        """The study as a search makes it: under a name of its own, with combinations of all axes drawn at random."""
        arms = {task: replace(arm, drawn=drawn) for task, arm in self.arms.items()}
        return replace(self, name=f"{self.name}{suffix}", arms=arms)

    def only(self, conditions: Sequence[str]) -> "Experiment":
        """Keeps the trials with the labels that are named, `["data.ratio=2,5", "seed=0"]`.

        Raises:
            ExperimentError: A condition is not of that form, or names a label or value that the study does not have, or
                nothing is left.
        """
        if not conditions:
            return self
        known = self.labels()
        for arm in self.arms.values():
            for axis, values in arm.optional.items():
                known[axis] = (*known[axis], *(text(value) for value in values if text(value) not in known[axis]))
        wanted = dict(self.conditions)
        for condition in conditions:
            axis, equals, words = condition.partition("=")
            if not equals:
                raise ExperimentError(f"--only {condition!r} has no '=': write AXIS=VALUE, for example seed=0")
            if axis not in known:
                raise ExperimentError(
                    f"--only {condition!r}: {unknown_name(f'axis of study {self.name}', axis, known)}"
                )
            for word in words.split(","):
                if word not in known[axis]:
                    error = unknown_name(f"value of {axis} in study {self.name}", word, known[axis])
                    raise ExperimentError(f"--only {condition!r}: {error}")
            wanted[axis] = frozenset(words.split(","))
        part = replace(self, conditions=wanted)
        if not part.trials():
            raise ExperimentError(f"no trial of study {self.name!r} has all of {', '.join(conditions)}: give fewer")
        return part

    def smaller(self) -> "Experiment":
        """The same study with trials of a minute, under its own name, so that its numbers never mix with real ones."""
        return replace(
            self,
            name=f"{self.name}-smoke",
            seeds=self.seeds[:SMOKE_SEEDS],
            arms={task: arm.smaller() for task, arm in self.arms.items()},
            conditions={},
            trained_by=f"{self.trained_by} --smoke" if self.trained_by else "",
        )


def cell_of(trial: Point, axes: Sequence[str]) -> tuple[str, ...]:
    """Where a trial lies on each axis, as text; empty where it does not."""
    return tuple(text(trial.labels[axis]) if axis in trial.labels else "" for axis in axes)
