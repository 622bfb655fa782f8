"""Scores by season and location: each bin of test scenes is compared by itself, with its own intervals and verdicts."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import pandas as pd

from datasets.plural import plural
from sweeps.design.scene_sets import SCENES, against_controls
from sweeps.report.answer import numbers_of
from sweeps.report.cells import CellComparison
from sweeps.report.differences import Difference, corrected
from sweeps.report.evidence import Evidence, FinishedTrial
from sweeps.report.intervals import FEWEST_PASSES
from sweeps.report.labels import Key
from sweeps.report.reach import UNDECIDED, undecidable
from sweeps.report.score_tables import bin_metric, reading, table_of_differences
from sweeps.report.tables import ReportTable
from sweeps.report.wording import (
    TASK_AXES,
    axis_label,
    cell_label,
    key_words,
    metric_label,
    parsed_label,
    percent,
)
from training.evaluation.bins import Bin
from training.evaluation.metric_names import MetricName, parse_metric

POOLED: Final = (
    "Cells against the reference and the best, over all test scenes together, which is not what this study asks:"
)
EVERY: Final = "all test scenes"
"""Name of the group of all, on which sets of scenes are held against their controls too."""


@dataclass(frozen=True, kw_only=True)
class BinScores:
    """The cells of a study on the test scenes of one season, location or cryoseason.

    Attributes:
        name: `winter`, or `EVERY`.
        comparison: Of the cells on these scenes alone.
        scenes: How many there are.
        passes: Orbit passes of these.
        pixels: Labelled ones among them, on the objective's grid.
        asked: The differences that the study asks for, by both scores, corrected for their number in all bins together.
    """

    name: str
    comparison: CellComparison
    scenes: int
    passes: int
    pixels: int
    asked: tuple[Difference, ...] = ()

    @property
    def undecidable(self) -> str:
        """Why nothing that is asked can be told apart here, whatever the scores; empty where something can."""
        tested = [difference for difference in self.asked if difference.draws.size]
        if not tested or any(difference.decidable for difference in tested):
            return ""
        return undecidable(self.passes, tested[0].compared)

    @property
    def heading(self) -> str:
        """`winter: 3 scenes, 12.3 M pixels`."""
        return f"{self.name}: {plural(self.scenes, 'scene')}, {self.pixels / 1e6:.1f} M pixels"


def bins_of_study(comparison: CellComparison) -> tuple[BinScores, ...]:
    """Each bin that the study compares; before them all test scenes, where it has controls."""
    design = comparison.evidence.design
    names = [EVERY] if design.bins and SCENES in comparison.evidence.axes else []
    metrics = {name: bin_metric(comparison, name) for name in (*names, *design.bins)}
    inside = {
        name: comparison if name == EVERY else CellComparison(_in_bin(comparison.evidence, metric, name))
        for name, metric in metrics.items()
    }
    together = sum(len(_pairs(by)) for each in inside.values() for by in each.both)
    found = [_of_bin(each.with_most(together), name, metrics[name]) for name, each in inside.items()]
    every = iter(corrected([difference for each in found for difference in each.asked]))
    return tuple(replace(each, asked=tuple(next(every) for _ in each.asked)) for each in found)


def _of_bin(inside: CellComparison, name: str, metric: MetricName) -> BinScores:
    rows = {
        row.scene_id: row.n
        for trial in inside.evidence.finished
        if trial.result is not None
        for row in trial.result.scenes
        if row.grid == metric.grid and metric.chart in (None, row.chart) and row.n
    }
    one_draw = SCENES in inside.evidence.axes
    asked = [by.difference(*pair, one_draw=one_draw) for by in inside.both for pair in _pairs(by)]
    return BinScores(
        name=name,
        comparison=inside,
        scenes=len(rows),
        passes=max((inside.passes(key) for key in inside.keys), default=0),
        pixels=sum(rows.values()),
        asked=tuple(asked),
    )


def bins_table(comparison: CellComparison, bins: tuple[BinScores, ...]) -> ReportTable | None:
    """Cells by bins: mean ± spread over seeds, with the interval over the scenes of the bin."""
    bins = tuple(each for each in bins if each.name != EVERY)
    if not bins:
        return None
    axes, rows, numbers = comparison.evidence.axes, [], []
    for key in comparison.evidence.keys:
        texts: list[str] = []
        own: dict[str, str | float] = dict(zip(axes, key, strict=True))
        for each in bins:
            metric = str(bin_metric(comparison, each.name))
            spread = comparison.spread(key, metric)
            found = each.comparison.scene_interval(key)
            text = (
                percent(spread.mean, spread.spread)
                if spread.n
                else comparison.why_empty(key, bin_metric(comparison, each.name))
            )
            texts.append(
                f"{text} ({percent(found.low)} to {percent(found.high)})" if spread.n and found.known else text
            )
            own |= {f"{metric}/{kind}": getattr(spread, kind) for kind in ("mean", "spread", "n")}
            own |= {f"{metric}/scenes_low": found.low, f"{metric}/scenes_high": found.high}
            own |= {f"{metric}/scenes": each.scenes, f"{metric}/pixels": each.pixels}
        rows.append((*key_words(axes, key), *texts))
        numbers.append(own)
    whole = replace(bin_metric(comparison, bins[0].name), bin=None)
    few = [each.name for each in bins if 0 < each.passes < FEWEST_PASSES]
    return ReportTable(
        name="bins",
        title=f"{comparison.evidence.study.study}: {parsed_label(whole)} by group of test scenes [%]",
        header=(*map(axis_label, axes), *(each.heading for each in bins)),
        rows=tuple(rows),
        words=len(axes),
        numbers=pd.DataFrame(numbers),
        note="Mean ± spread over seeds, and the interval over the scenes of the group."
        + (f" Too few orbit passes for an interval: {', '.join(few)}." if few else ""),
    )


def bin_differences_table(bins: tuple[BinScores, ...]) -> ReportTable | None:
    """What the study asks, bin by bin: each set of scenes against as many of all, or against the reference."""
    tables = [(each, table_of_differences(each.comparison, _with_words(each))) for each in bins if each.asked]
    if not tables:
        return None
    first = tables[0][1]
    undecided = [f"{each.name}: {each.undecidable}." for each, _ in tables if each.undecidable]
    return replace(
        first,
        name="bin_differences",
        title=f"{first.title}, on each group of test scenes by itself",
        header=("scored on", *first.header),
        rows=tuple((each.name, *row) for each, table in tables for row in table.rows),
        words=first.words + 1,
        note=" ".join(undecided),
        numbers=pd.concat([table.numbers.assign(bin=each.name) for each, table in tables], ignore_index=True),
    )


def bin_answers(bins: tuple[BinScores, ...]) -> list[str]:
    """The verdicts of the study: a sentence for each bin, task and score."""
    return [sentence for each in bins for sentence in _answer(each)]


def _answer(each: BinScores) -> Iterator[str]:
    comparison = each.comparison
    if not each.scenes:
        yield f"Scored on {each.name}: the test set has no such scene with labels."
        return
    if each.undecidable:
        yield f"Scored on {each.heading}: {UNDECIDED}, since {each.undecidable}."
        return
    axes, tasks = comparison.evidence.axes, comparison.evidence.tasks
    for task, by in ((task, by) for task in tasks for by in comparison.both):
        groups: dict[str, list[str]] = {}
        for difference in each.asked:
            if difference.objective == by.objective and comparison.evidence.task_of[difference.key] == task:
                name = cell_label(axes, difference.key, (*TASK_AXES, SCENES))
                groups.setdefault(reading(by, difference), []).append(f"{name} ({numbers_of(difference)})")
        if groups:
            where = f"Scored on {each.heading}" + (f", {task}" if len(tasks) > 1 else "")
            against = "against as many scenes of all" if SCENES in axes else "against the reference"
            said = ". ".join(f"{word}: {'; '.join(names)}" for word, names in groups.items())
            yield f"{where}, {metric_label(by.objective).split(', ')[0]}, {against}: {said}."


def _pairs(comparison: CellComparison) -> list[tuple[Key, Key]]:
    """Each own set of scenes and its size-matched control; without controls each cell and the first of its task."""
    axes, found = comparison.evidence.axes, list[tuple[Key, Key]]()
    for task in comparison.evidence.tasks:
        own = [key for key in comparison.keys if comparison.evidence.task_of[key] == task]
        found += against_controls(axes, own) if SCENES in axes else [(key, own[0]) for key in own[1:]]
    return found


def _with_words(each: BinScores) -> list[tuple[Difference, str]]:
    axes = each.comparison.evidence.axes
    return [(difference, cell_label(axes, difference.against)) for difference in each.asked]


def _in_bin(evidence: Evidence, metric: MetricName, name: str) -> Evidence:
    """The study as if these were all of its test scenes."""
    whole = str(replace(metric, bin=None))
    finished = tuple(_trial_in_bin(trial, name) for trial in evidence.finished)
    design = evidence.design.model_copy(update={"objective": whole, "bins": ()})
    return replace(evidence, finished=finished, design=design)


def _trial_in_bin(trial: FinishedTrial, name: str) -> FinishedTrial:
    named = ((parse_metric(key), value) for key, value in trial.metrics.items())
    metrics = {str(replace(each, bin=None)): value for each, value in named if each is not None and each.bin == name}
    row, result = trial.row.model_copy(update={"metrics": metrics}), trial.result
    if result is not None:
        scenes = tuple(each for each in result.scenes if name in (each.season, each.location, each.cryoseason))
        ids = {each.scene_id for each in scenes}
        matrices = {}
        for key, rows in result.matrices.items():
            if key.bin.kind == "scene" and key.bin.value in ids:
                matrices[key] = rows
            elif key.bin.is_group and key.bin.value == name:
                matrices[replace(key, bin=Bin())] = rows
        result = result.model_copy(update={"scenes": scenes, "matrices": matrices})
    return replace(trial, row=row, result=result)
