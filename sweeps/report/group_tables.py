"""The tables of a study by group of test scenes and by class."""

from typing import Final

import pandas as pd

from sweeps.report.cells import Comparison
from sweeps.report.labels import first_target
from sweeps.report.tables import ReportTable
from sweeps.report.wording import (
    axis_label,
    chart_classes,
    class_label,
    key_words,
    parsed_label,
    percent,
    score_label,
)
from training.evaluation.metric_names import MetricName

_BIN_SCORES: Final = frozenset({"f1", "f1_macro", "accuracy", "r2"})
"""Scores that every bin has (`training.evaluation.metrics`)."""
_KINDS: Final = ("mean", "spread", "n")


def bins_table(comparison: Comparison) -> ReportTable | None:
    """Cells by the bins of test scenes that the study compares; None where it compares none."""
    evidence = comparison.evidence
    if not evidence.design.bins:
        return None
    metrics = {name: bin_metric(comparison, name) for name in evidence.design.bins}
    rows, numbers = [], []
    for key in evidence.keys:
        spreads = {name: comparison.spread(key, str(metric)) for name, metric in metrics.items()}
        cells = [
            percent(each.mean, each.spread) if each.n else comparison.why_empty(key, metrics[name])
            for name, each in spreads.items()
        ]
        rows.append((*key_words(evidence.axes, key), *cells))
        numbers.append(
            dict(zip(evidence.axes, key, strict=True))
            | {f"{metrics[name]}/{kind}": getattr(each, kind) for name, each in spreads.items() for kind in _KINDS}
        )
    (first, *_) = metrics.values()
    whole = MetricName(grid=first.grid, chart=first.chart, score=first.score)
    return ReportTable(
        name="bins",
        title=f"{evidence.study.study}: {parsed_label(whole)} by group of test scenes [%]",
        header=(*(axis_label(axis) for axis in evidence.axes), *evidence.design.bins),
        rows=tuple(rows),
        words=len(evidence.axes),
        numbers=pd.DataFrame(numbers),
    )


def bin_metric(comparison: Comparison, name: str) -> MetricName:
    """The objective on one bin of test scenes, or weighted F1 where bins do not have it."""
    metric = comparison.metric or MetricName(grid="test_80m", score="f1")
    score = metric.score if metric.score in _BIN_SCORES and metric.class_name is None else "f1"
    return MetricName(grid=metric.grid, chart=metric.chart, bin=name, score=score)


def classes_table(comparison: Comparison) -> ReportTable | None:
    """Cells by F1 of each class; None where the objective is not of a chart."""
    metrics = class_metrics(comparison)
    evidence = comparison.evidence
    if not metrics or not comparison.keys:
        return None
    rows, numbers = [], []
    for key in comparison.keys:
        spreads = {name: comparison.spread(key, str(metric)) for name, metric in metrics.items()}
        rows.append((*key_words(evidence.axes, key), *(percent(each.mean, each.spread) for each in spreads.values())))
        numbers.append(
            dict(zip(evidence.axes, key, strict=True))
            | {f"{metrics[name]}/{kind}": getattr(each, kind) for name, each in spreads.items() for kind in _KINDS}
        )
    (first, *_) = metrics.values()
    return ReportTable(
        name="classes",
        title=f"{evidence.study.study}: F1 of each class, {_grid_words(first)} [%]",
        header=(*(axis_label(axis) for axis in evidence.axes), *(class_label(name) for name in metrics)),
        rows=tuple(rows),
        words=len(evidence.axes),
        numbers=pd.DataFrame(numbers),
        note="A dash is a class that is neither in the charts of the test scenes nor predicted.",
    )


def class_metrics(comparison: Comparison) -> dict[str, MetricName]:
    """F1 of every class of the objective's chart, by class."""
    metric = comparison.metric
    if metric is None or metric.score == "autoice" or not comparison.evidence.finished:
        return {}
    name = metric.chart or first_target(comparison.evidence.finished[0].row)
    return {
        each: MetricName(grid=metric.grid, chart=metric.chart, class_name=each, score="f1")
        for each in chart_classes(name)
    }


def _grid_words(metric: MetricName) -> str:
    return parsed_label(MetricName(grid=metric.grid, chart=metric.chart, score="f1")).removeprefix(
        f"{score_label('f1')}, "
    )
