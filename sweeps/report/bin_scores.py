"""Scores by season and location: each bin of test scenes is compared by itself, with its own intervals and verdicts."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import pandas as pd

from sweeps.design.scene_sets import MATCHED, OWN, SCENES
from sweeps.report.answer import few_scenes, numbers_of
from sweeps.report.cells import FEW_SCENES, CellComparison, Difference
from sweeps.report.evidence import Evidence, FinishedTrial
from sweeps.report.score_tables import bin_metric, reading, table_of_differences, text_of
from sweeps.report.tables import ReportTable
from sweeps.report.wording import TASK_AXES, axis_label, cell_label, key_words, parsed_label, percent, plural
from training.evaluation.bins import Bin
from training.evaluation.metric_names import MetricName

POOLED: Final = "Over all test scenes together, which is not what this study asks:"


@dataclass(frozen=True, kw_only=True)
class BinScores:
    """The cells of a study on the test scenes of one season, location or cryoseason.

    Attributes:
        name: `winter`.
        comparison: Of the cells on these scenes alone.
        scenes: How many there are.
        pixels: Labelled ones among them, on the objective's grid.
    """

    name: str
    comparison: CellComparison
    scenes: int
    pixels: int

    @property
    def heading(self) -> str:
        """`winter: 3 scenes, 12.3 M pixels`."""
        return f"{self.name}: {plural(self.scenes, 'scene')}, {self.pixels / 1e6:.1f} M pixels"


def bins_of_study(comparison: CellComparison) -> tuple[BinScores, ...]:
    """Each bin that the study compares."""
    found = []
    for name in comparison.evidence.design.bins:
        metric = bin_metric(comparison, name)
        inside = CellComparison(_in_bin(comparison.evidence, metric, name))
        rows = {
            row.scene_id: row.n
            for trial in inside.evidence.finished
            if trial.result is not None
            for row in trial.result.scenes
            if row.grid == metric.grid and metric.chart in (None, row.chart) and row.n
        }
        found.append(BinScores(name=name, comparison=inside, scenes=len(rows), pixels=sum(rows.values())))
    return tuple(found)


def bins_table(comparison: CellComparison, bins: tuple[BinScores, ...]) -> ReportTable | None:
    """Cells by bins: mean ± spread over seeds, with the interval over the scenes of the bin."""
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
    few = [each.name for each in bins if 0 < each.scenes < FEW_SCENES]
    return ReportTable(
        name="bins",
        title=f"{comparison.evidence.study.study}: {parsed_label(whole)} by group of test scenes [%]",
        header=(*map(axis_label, axes), *(each.heading for each in bins)),
        rows=tuple(rows),
        words=len(axes),
        numbers=pd.DataFrame(numbers),
        note="Mean ± spread over seeds, and the interval over the scenes of the group."
        + (f" With so few scenes it is a hint only: {', '.join(few)}." if few else ""),
    )


def bin_differences_table(bins: tuple[BinScores, ...]) -> ReportTable | None:
    """What the study asks, bin by bin: each set of scenes against as many of all, or against the reference."""
    tables = [(each, table_of_differences(each.comparison, _with_words(each))) for each in bins if each.scenes]
    tables = [(each, table) for each, table in tables if table.rows]
    if not tables:
        return None
    first = tables[0][1]
    return replace(
        first,
        name="bin_differences",
        title=f"{first.title}, on each group of test scenes by itself",
        header=("scored on", *first.header),
        rows=tuple((each.name, *row) for each, table in tables for row in table.rows),
        words=first.words + 1,
        numbers=pd.concat([table.numbers.assign(bin=each.name) for each, table in tables], ignore_index=True),
    )


def bin_answers(bins: tuple[BinScores, ...]) -> list[str]:
    """The verdicts of the study: a sentence for each bin and task."""
    return [sentence for each in bins for sentence in _answer(each)]


def _answer(each: BinScores) -> Iterator[str]:
    comparison = each.comparison
    if not each.scenes:
        yield f"Scored on {each.name}: the test set has no such scene with labels."
        return
    hint = f" ({few_scenes(each.scenes)})" if each.scenes < FEW_SCENES else ""
    for task in comparison.evidence.tasks:
        where = f"Scored on {each.heading}{hint}" + (f", {task}" if len(comparison.evidence.tasks) > 1 else "")
        found, controlled = _asked(comparison, task)
        groups: dict[str, list[str]] = {}
        for difference in found:
            word = reading(comparison, difference)
            name = cell_label(comparison.evidence.axes, difference.key, (*TASK_AXES, SCENES))
            groups.setdefault(word, []).append(f"{name} ({numbers_of(comparison, difference)})")
        said = [f"{word}: {'; '.join(names)}" for word, names in groups.items()]
        against = "against as many scenes of all" if controlled else "against the reference"
        if said:
            yield f"{where}, {against}: {'. '.join(said)}."
        elif (best := comparison.best(task)) is not None:
            text = text_of(comparison.objective)(comparison.spread(best, comparison.objective).mean)
            yield f"{where}: best is {cell_label(comparison.evidence.axes, best, TASK_AXES)}, {text}."


def _asked(comparison: CellComparison, task: str) -> tuple[list[Difference], bool]:
    """The differences that the study asks for, and whether they are against size-matched controls."""
    axes = comparison.evidence.axes
    own = [key for key in comparison.keys if comparison.evidence.task_of[key] == task]
    if SCENES in axes:
        place = axes.index(SCENES)
        twins = {key: (*key[:place], MATCHED, *key[place + 1 :]) for key in own if key[place] == OWN}
        pairs = [(key, twin) for key, twin in twins.items() if twin in own]
        if pairs:
            return [comparison.difference(key, twin) for key, twin in pairs], True
    reference = comparison.reference(task)
    others = [key for key in own if key != reference]
    return [comparison.difference(key, reference) for key in others if reference is not None], False


def _with_words(each: BinScores) -> list[tuple[Difference, str]]:
    comparison = each.comparison
    found = [difference for task in comparison.evidence.tasks for difference in _asked(comparison, task)[0]]
    return [(difference, cell_label(comparison.evidence.axes, difference.against)) for difference in found]


def _in_bin(evidence: Evidence, metric: MetricName, name: str) -> Evidence:
    """The study as if these were all of its test scenes."""
    whole = str(replace(metric, bin=None))
    finished = tuple(_trial_in_bin(trial, metric, name, whole) for trial in evidence.finished)
    design = evidence.design.model_copy(update={"objective": whole, "bins": ()})
    return replace(evidence, finished=finished, design=design)


def _trial_in_bin(trial: FinishedTrial, metric: MetricName, name: str, whole: str) -> FinishedTrial:
    values = trial.metrics
    metrics = {whole: values[str(metric)]} if str(metric) in values else {}
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
