"""`StudyDesign`: what a study set out to do, as its parent run in MLflow records it for readers of the results."""

import itertools
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sweeps.design.experiment import SEED, Experiment, cell_of


class LeftOut(BaseModel):
    """A cell that the study does not run, and why: `no test scenes`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cell: tuple[str, ...]
    reason: str = Field(min_length=1)


class StudyDesign(BaseModel):
    """A study in words and names; nothing here runs anything.

    Each finished trial has a tag `axis.<name>` for each axis that it lies on. A *cell* is a combination of values, run
    with every seed.

    Attributes:
        question: What the study asks, one sentence.
        objective: Metric by which cells are compared, `test_80m/f1`.
        axes: Values by axis, both in the order in which the reader should see them; the first cell is the reference.
        seeds: Of every cell.
        trials: How many trials there should be.
        cells: For each cell one text per axis, empty where the cell does not lie on that axis. Without any, the cells
            are all combinations but those left out, if these make up `trials`; else what was never started can be
            counted, not named.
        bins: Bins of test scenes that the study compares, as in the metrics: `winter`, `cat1`, `melt`.
        left_out: Cells that are not among them, each with its reason.
        about: What its report is about: `scores` of trainings, or the `importance` of channels for trained networks,
            which has no objective.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str
    objective: str = Field(min_length=1)
    axes: dict[str, tuple[str, ...]]
    seeds: tuple[int, ...]
    trials: int = Field(ge=0)
    cells: tuple[tuple[str, ...], ...] = ()
    bins: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    about: Literal["scores", "importance"] = "scores"

    @model_validator(mode="before")
    @classmethod
    def _of_earlier(cls, given: Any) -> Any:  # noqa: ANN401 - whatever a record holds
        """Earlier records name an axis to show against `bins`; reports show all cells against them."""
        return {name: value for name, value in given.items() if name != "matrix"} if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _hangs_together(self) -> "StudyDesign":
        if any(len(cell) != len(self.axes) for cell in (*self.cells, *(each.cell for each in self.left_out))):
            raise ValueError(f"every cell needs one text for each of {', '.join(self.axes)}, empty where it has none")
        return self

    def expected_cells(self) -> tuple[tuple[str, ...], ...]:
        """Every cell in order, if it is known; else none."""
        if self.cells:
            return self.cells
        without = {each.cell for each in self.left_out}
        product = tuple(cell for cell in itertools.product(*self.axes.values()) if cell not in without)
        return product if len(product) * len(self.seeds) == self.trials else ()

    def without(self, axis: str, value: str) -> "StudyDesign":
        """The study without one value of an axis, its cells and their trials."""
        place = list(self.axes).index(axis)

        def kept(cells: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
            return tuple(cell for cell in cells if cell[place] != value)

        expected = self.expected_cells()
        return self.model_copy(
            update={
                "axes": {**self.axes, axis: tuple(each for each in self.axes[axis] if each != value)},
                "cells": kept(self.cells),
                "left_out": tuple(each for each in self.left_out if each.cell[place] != value),
                "trials": self.trials - len(self.seeds) * (len(expected) - len(kept(expected))),
            }
        )


def design_of(study: Experiment) -> StudyDesign:
    """The study for its record: enough to write its report without this project."""
    axes = {axis: values for axis, values in study.labels().items() if axis != SEED}
    return StudyDesign(
        question=study.question,
        objective=study.objective,
        axes=axes,
        cells=tuple(dict.fromkeys(cell_of(trial, list(axes)) for trial in study.trials())),
        seeds=tuple(study.seeds),
        trials=len(study.trials()),
        bins=tuple(study.bins),
        about="importance" if study.trained_by else "scores",
    )
