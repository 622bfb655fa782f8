"""Tables of scores: of cells, of their differences, by group of test scenes, and by class."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from sweeps.report.cells import CellComparison
from sweeps.report.differences import Difference, Spread
from sweeps.report.evidence import Evidence
from sweeps.report.intervals import CONFIDENCE
from sweeps.report.labels import Key, first_target
from sweeps.report.reach import UNDECIDED
from sweeps.report.seen import ARITHMETIC, is_arithmetic
from sweeps.report.tables import ReportTable
from sweeps.report.wording import (
    axis_label,
    cell_label,
    chart_classes,
    class_label,
    is_share,
    key_words,
    metric_heading,
    metric_label,
    number,
    percent,
    told,
)
from training.evaluation.bins import fixed_grid
from training.evaluation.metric_names import ICE, MAJORITY, TERM, MetricName, grid_label, grids_in, split_grid

_BIN_SCORES: Final = frozenset({"f1", "f1_macro", ICE, "accuracy", "r2"})
"""Scores that every bin has (`training.evaluation.metrics`)."""
_INTERVAL: Final = f"{CONFIDENCE:g} % interval over test scenes"
_TESTED: Final = "interval over test scenes and seeds, corrected"


def scores_table(comparison: CellComparison) -> ReportTable:
    """One row for each cell: mean ± spread over seeds of both objectives and of the scores that every table shows."""
    evidence, objective = comparison.evidence, comparison.objective
    metrics = shown_metrics(comparison)
    rows = []
    for key in evidence.keys:
        spreads = {name: comparison.spread(key, name) for name in metrics}
        intervals = {each.objective: each.scene_interval(key) for each in comparison.both}
        cells = [
            percent(each.mean) if name.endswith(f"/{MAJORITY}") else text_of(name)(each.mean, each.spread)
            for name, each in spreads.items()
        ]
        if not spreads[objective].n:
            cells[0] = comparison.why_empty(key, comparison.metric)
        for place, (name, each) in enumerate(intervals.items()):
            cells.insert(2 * place + 1, _between(name, each.low, each.high))
        n, wanted = len(evidence.trials_of(key)), len(evidence.design.seeds)
        numbers = {
            "n": n,
            **_numbers(spreads),
            **{
                f"{name}/scenes_{end}": getattr(each, end)
                for name, each in intervals.items()
                for end in ("low", "high")
            },
            "scenes": comparison.scenes(key),
            "passes": comparison.passes(key),
        }
        rows.append((key, (*cells, str(n) if n >= wanted else f"{n} of {wanted}"), numbers))
    header = list(map(metric_heading, metrics))
    for place in range(len(comparison.both)):
        header.insert(2 * place + 1, _INTERVAL)
    title = "mean ± spread (sample standard deviation) over seeds"
    return _cells_table(evidence, "table", title, (*header, "seeds"), rows)


def classes_table(comparison: CellComparison) -> ReportTable | None:
    """Cells by F1 of each class; None where the objective is not of a chart."""
    metrics = class_metrics(comparison)
    if not metrics or not comparison.keys:
        return None
    first = next(iter(metrics.values()))
    named = {class_label(name): metric for name, metric in metrics.items()}
    where = f"{f'{first.chart}, ' if first.chart else ''}{grid_label(first.grid)}"
    note = "A dash is a class that is neither in the charts of the test scenes nor predicted."
    return _metrics_table(comparison, "classes", f"F1 of each class, {where} [%]", comparison.keys, named, note)


def bin_metric(comparison: CellComparison, name: str) -> MetricName:
    """The objective on one bin of test scenes, or weighted F1 where bins do not have it."""
    metric = comparison.metric or MetricName(grid=fixed_grid(2), score="f1")
    score = metric.score if metric.score in _BIN_SCORES and metric.class_name is None else "f1"
    return MetricName(grid=metric.grid, chart=metric.chart, bin=name, score=score)


def class_metrics(comparison: CellComparison) -> dict[str, MetricName]:
    """F1 of every class of the objective's chart, by class."""
    metric = comparison.metric
    if metric is None or metric.score == "autoice" or not comparison.evidence.finished:
        return {}
    name = metric.chart or first_target(comparison.evidence.finished[0].row.params)
    return {
        each: MetricName(grid=metric.grid, chart=metric.chart, class_name=each, score="f1")
        for each in chart_classes(name)
    }


def differences_table(comparison: CellComparison) -> ReportTable:
    """Every cell against the reference and against the best, task by task."""
    found = []
    for task in comparison.evidence.tasks:
        for by in comparison.both:
            roles = {"reference": by.reference(task), "best": by.best(task)}
            for each in by.differences(task):
                role = " and ".join(name for name, key in roles.items() if key == each.against)
                found.append((each, f"{cell_label(comparison.evidence.axes, each.against)} ({role})"))
    return table_of_differences(comparison, found)


def table_of_differences(comparison: CellComparison, found: Sequence[tuple[Difference, str]]) -> ReportTable:
    """A row for each difference, given with the words for the other cell; their objectives are of `comparison.both`."""
    evidence, objective = comparison.evidence, comparison.objective
    rows, numbers = [], []
    for each, against in found:
        cell, other = (cell_label(evidence.axes, key) for key in (each.key, each.against))
        low, high = each.interval.low, each.interval.high
        difference, *ends = told(each.objective, each.value, low, high, signed=True)
        between = " to ".join(ends) if each.interval.known else "–"
        counts = f"{each.agreeing} of {each.seeds}", str(each.scenes or "–"), str(each.passes or "–")
        spread, label = text_of(each.objective)(each.spread), metric_label(each.objective)
        rows.append((cell, against, label, difference, between, spread, *counts, reading(comparison, each)))
        numbers.append(
            {
                "task": evidence.task_of[each.key],
                "cell": cell,
                "against": other,
                "score": each.objective,
                "difference": each.value,
                "scenes_low": low,
                "scenes_high": high,
                "spread": each.spread,
                "seeds": each.seeds,
                "seeds_agreeing": each.agreeing,
                "scenes": each.scenes,
                "passes": each.passes,
                "p": each.p,
                "level": each.level,
                "verdict": each.verdict,
            }
        )
    unit = "% points" if is_share(objective) else "same unit"
    scores = [metric_label(by.objective) for by in comparison.both]
    counts_of = ("seeds with this sign", "test scenes", "orbit passes")
    measures = (f"difference [{unit}]", _TESTED, "spread over seeds", *counts_of)
    return ReportTable(
        name="differences",
        title=f"{evidence.study.study}: differences of {' and of '.join(scores)}",
        header=("cell", "against", "score", *measures, "reading"),
        rows=tuple(rows),
        words=3,
        numbers=pd.DataFrame(numbers),
    )


def reading(comparison: CellComparison, difference: Difference) -> str:
    """A difference in a word, by the interval: better, worse, not told apart; `by arithmetic` for unseen classes.

    `cannot be decided` is no finding: no scores on so few passes would be told apart (`sweeps.report.reach`).
    """
    verdict = difference.verdict
    if verdict in ("higher", "lower"):
        word = "better" if (verdict == "higher") != comparison.lower_is_better else "worse"
        if is_arithmetic(comparison, difference):
            return f"{word} {ARITHMETIC}"
        return word if difference.seeds > 1 else f"{word} (1 seed)"
    if verdict == "unknown":
        return UNDECIDED if difference.draws.size and not difference.decidable else "no interval"
    return verdict


def shown_metrics(comparison: CellComparison) -> tuple[str, ...]:
    """Both objectives, then weighted and macro F1 on every grid, the AutoICE score, and the majority class."""
    have = dict.fromkeys(name for trial in comparison.evidence.finished for name in trial.metrics)
    first, _ = split_grid(comparison.objective) or ("", "")
    grids = sorted(grids_in(have), key=lambda grid: (grid != first, grid))
    macro = ICE if comparison.second is not None else "f1_macro"
    wanted = [(grid, score) for grid in grids for score in ("f1", macro, "autoice")]
    # Trials of one ratio have one majority on every grid, but on its own grid each ratio has its own.
    wanted += [(grid, MAJORITY) for grid in grids if grid.endswith("m")][:1]
    if comparison.metric is not None and comparison.metric.score == "autoice":  # its terms, also of one chart alone
        wanted += [(first, name.partition("/")[2]) for name in sorted(have) if name.startswith(f"{first}/{TERM}")]
    names = [str(MetricName(grid=grid, score=score)) for grid, score in wanted]
    objectives = [each.objective for each in comparison.both]
    return (*objectives, *(name for name in names if name in have and name not in objectives))


def text_of(name: str) -> Callable[..., str]:
    """How a metric is written: shares in percent."""
    return percent if is_share(name) else number


_Row = tuple[Key, Sequence[str], Mapping[str, Any]]
"""A cell, its texts, and the numbers behind them."""


def _cells_table(
    evidence: Evidence, name: str, title: str, header: Sequence[str], rows: Sequence[_Row], note: str = ""
) -> ReportTable:
    return ReportTable(
        name=name,
        title=f"{evidence.study.study}: {title}",
        header=(*map(axis_label, evidence.axes), *header),
        rows=tuple((*key_words(evidence.axes, key), *texts) for key, texts, _ in rows),
        words=len(evidence.axes),
        numbers=pd.DataFrame([{**dict(zip(evidence.axes, key, strict=True)), **own} for key, _, own in rows]),
        note=note,
    )


def _metrics_table(
    comparison: CellComparison,
    name: str,
    title: str,
    keys: Sequence[Key],
    metrics: Mapping[str, MetricName],
    note: str = "",
) -> ReportTable:
    """A column for each metric, by its heading; a cell without a value says why."""
    rows = []
    for key in keys:
        spreads = {metric: comparison.spread(key, str(metric)) for metric in metrics.values()}
        texts = [
            percent(each.mean, each.spread) if each.n else comparison.why_empty(key, metric)
            for metric, each in spreads.items()
        ]
        rows.append((key, texts, _numbers({str(metric): each for metric, each in spreads.items()})))
    return _cells_table(comparison.evidence, name, title, tuple(metrics), rows, note)


def _numbers(spreads: Mapping[str, Spread]) -> dict[str, float]:
    return {f"{name}/{kind}": getattr(each, kind) for name, each in spreads.items() for kind in ("mean", "spread", "n")}


def _between(name: str, low: float, high: float) -> str:
    return "–" if low != low or high != high else " to ".join(told(name, low, high))
