"""`Experiment`: a study as data. Pure: no Ray, no MLflow, no torch; expands into trial specs and nothing else."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from datasets.errors import IceBenchError, unknown_name
from training.spec import SpecError, TrialSpec

SEED: Final = "seed"
Value = str | int | float | bool | None


class ExperimentError(IceBenchError, ValueError):
    """A study that does not expand into valid trials."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One point of a study.

    Attributes:
        labels: Value on each axis, and the seed.
        spec: What runs.
    """

    labels: Mapping[str, Value]
    spec: TrialSpec

    @property
    def name(self) -> str:
        """For progress lines: `data.ratio=5 seed=1`."""
        return " ".join(f"{axis}={value}" for axis, value in self.labels.items())

    def bound_to(self, lake_digest: str) -> "Trial":
        """The trial on one lake: its digest becomes part of the trial_id."""
        return replace(self, spec=self.spec.with_("data.lake", lake_digest))


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One question, asked of every combination of values on its axes, with every seed.

    Attributes:
        name: Name of the study and of its MLflow experiment.
        question: What it asks, one sentence; shown in the help and in MLflow.
        base: The trial that the axes change.
        axes: Dotted spec field -> values.
        seeds: One training of every combination for each; the spread over them is the error bar.
        objective: Metric by which combinations are compared.
        smoke: Dotted spec field -> value that makes any trial small enough for a laptop.

    Raises:
        ExperimentError: An axis is no spec field, has no values, or repeats one; when the study is defined, not when it
            runs.
    """

    name: str
    question: str
    base: TrialSpec
    axes: Mapping[str, Sequence[Value]]
    seeds: Sequence[int]
    objective: str
    smoke: Mapping[str, Value]

    def __post_init__(self) -> None:
        for axis, values in {**self.axes, SEED: self.seeds}.items():
            if not values or len(set(values)) != len(values):
                raise ExperimentError(
                    f"axis {axis!r} of study {self.name!r} has the values {list(values)}: at least one is needed, "
                    "each once"
                )
        try:
            self.trials()
            if self.smoke:
                self.smaller()
        except SpecError as error:
            raise ExperimentError(f"study {self.name!r} does not expand: {error}") from error

    def trials(self) -> tuple[Trial, ...]:
        """Every combination, the last axis fastest, then the seeds."""
        axes = {**self.axes, SEED: self.seeds}
        found = []
        for values in itertools.product(*axes.values()):
            labels = dict(zip(axes, values, strict=True))
            found.append(Trial(labels=labels, spec=self.base.with_all(labels)))
        return tuple(found)

    def with_seeds(self, count: int) -> "Experiment":
        """The study with seeds 0 .. count - 1."""
        return replace(self, seeds=tuple(range(count)))

    def only(self, conditions: Sequence[str]) -> "Experiment":
        """Keeps the axis values that are named, `["data.ratio=2,5", "seed=0"]`.

        Raises:
            ExperimentError: A condition is not of that form, or names an axis or value that the study does not have.
        """
        axes = {**self.axes, SEED: self.seeds}
        for condition in conditions:
            axis, equals, text = condition.partition("=")
            if not equals:
                raise ExperimentError(f"--only {condition!r} has no '=': write AXIS=VALUE, for example data.ratio=5")
            if axis not in axes:
                raise ExperimentError(f"--only {condition!r}: {unknown_name('axis', axis, axes)}")
            known = {str(value): value for value in axes[axis]}
            wanted = text.split(",")
            for word in wanted:
                if word not in known:
                    raise ExperimentError(f"--only {condition!r}: {unknown_name(f'value of {axis}', word, known)}")
            axes[axis] = tuple(known[word] for word in wanted)
        seeds = tuple(int(str(seed)) for seed in axes.pop(SEED))
        return replace(self, axes=axes, seeds=seeds)

    def smaller(self) -> "Experiment":
        """The same study with trials of a minute, under a name of its own: its numbers never stand beside real ones."""
        return replace(self, name=f"{self.name}-smoke", base=self.base.with_all(self.smoke), smoke={})
