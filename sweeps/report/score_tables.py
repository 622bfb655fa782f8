"""The tables of a study: scores, differences, bins, classes, cost."""

from collections.abc import Callable
from typing import Final

import pandas as pd

from sweeps.report.bootstrap import CONFIDENCE
from sweeps.report.cells import Comparison, Difference
from sweeps.report.evidence import Key, first_target
from sweeps.report.tables import ReportTable
from sweeps.report.wording import (
    axis_label,
    cell_label,
    chart_classes,
    class_label,
    is_share,
    key_words,
    metric_label,
    number,
    parsed_label,
    percent,
    score_label,
)
from training.metric_names import MetricName

_BIN_SCORES: Final = frozenset({"f1", "f1_macro", "accuracy", "r2"})
"""Scores that every bin has (`training.scores`)."""
_KINDS: Final = ("mean", "spread", "n")
NO_SCENES: Final = "no test scenes"
NOT_FINISHED: Final = "not finished"
NO_LABELS: Final = "no labelled pixel"


def scores_table(comparison: Comparison) -> ReportTable:
    """One row a cell: mean ± spread over seeds of the objective and of the scores that every table shows."""
    evidence, objective = comparison.evidence, comparison.objective
    metrics = shown_metrics(comparison)
    header = [*(axis_label(axis) for axis in evidence.axes), *(_heading(name) for name in metrics)]
    header[len(evidence.axes) + 1 : len(evidence.axes) + 1] = [f"{CONFIDENCE:g} % interval over test scenes"]
    rows, numbers = [], []
    for key in evidence.keys:
        spreads = {name: comparison.spread(key, name) for name in metrics}
        over_scenes = comparison.scene_interval(key)
        cells = [
            percent(each.mean) if name.endswith("/majority_f1") else text_of(name)(each.mean, each.spread)
            for name, each in spreads.items()
        ]
        if not spreads[objective].n:
            cells[0] = why_empty(comparison, key, comparison.metric)
        cells.insert(1, _between(objective, over_scenes.low, over_scenes.high))
        n, wanted = len(evidence.trials_of(key)), len(evidence.design.seeds)
        seeds = str(n) if n >= wanted else f"{n} of {wanted}"
        rows.append((*_words(comparison, key), *cells, seeds))
        numbers.append(
            {
                **dict(zip(evidence.axes, key, strict=True)),
                "n": n,
                **{f"{name}/{kind}": getattr(each, kind) for name, each in spreads.items() for kind in _KINDS},
                f"{objective}/scenes_low": over_scenes.low,
                f"{objective}/scenes_high": over_scenes.high,
                "scenes": comparison.scenes(key),
            }
        )
    return ReportTable(
        name="table",
        title=f"{evidence.study.study}: mean ± spread (sample standard deviation) over seeds",
        header=(*header, "seeds"),
        rows=tuple(rows),
        words=len(evidence.axes),
        numbers=pd.DataFrame(numbers),
    )


def differences_table(comparison: Comparison) -> ReportTable:
    """Every cell against the reference and against the best, task by task."""
    evidence, objective = comparison.evidence, comparison.objective
    rows, numbers = [], []
    for task in evidence.tasks:
        for each in comparison.differences(task):
            names = [_name(comparison, key) for key in (each.key, each.against)]
            low, high = each.interval.low, each.interval.high
            rows.append(
                (
                    names[0],
                    f"{names[1]} ({_role(comparison, task, each.against)})",
                    _signed(objective, each.value),
                    _between(objective, low, high, signed=True),
                    text_of(objective)(each.spread) if each.spread == each.spread else "–",
                    f"{each.agreeing} of {each.seeds}",
                    str(each.scenes or "–"),
                    reading(comparison, each),
                )
            )
            numbers.append(
                {
                    "task": task,
                    "cell": names[0],
                    "against": names[1],
                    "difference": each.value,
                    "scenes_low": low,
                    "scenes_high": high,
                    "spread": each.spread,
                    "seeds": each.seeds,
                    "seeds_agreeing": each.agreeing,
                    "scenes": each.scenes,
                    "verdict": each.verdict,
                }
            )
    unit = "% points" if is_share(objective) else "same unit"
    return ReportTable(
        name="differences",
        title=f"{evidence.study.study}: differences of {metric_label(objective)}",
        header=(
            "cell",
            "against",
            f"difference [{unit}]",
            f"{CONFIDENCE:g} % interval over test scenes",
            "spread over seeds",
            "seeds with this sign",
            "test scenes",
            "reading",
        ),
        rows=tuple(rows),
        words=2,
        numbers=pd.DataFrame(numbers),
    )


def reading(comparison: Comparison, difference: Difference) -> str:
    """A difference in a word: better, worse, not told apart."""
    verdict = difference.verdict
    if verdict in ("higher", "lower"):
        word = "better" if (verdict == "higher") != comparison.lower_is_better else "worse"
        return word if difference.seeds > 1 else f"{word} (1 seed)"
    return {"unknown": "no interval", "seeds disagree": "not told apart: seeds disagree"}.get(verdict, verdict)


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
            percent(each.mean, each.spread) if each.n else why_empty(comparison, key, metrics[name])
            for name, each in spreads.items()
        ]
        rows.append((*_words(comparison, key), *cells))
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


def why_no_bin(comparison: Comparison, key: Key, name: str) -> str:
    """Why a cell has no score on a bin."""
    return why_empty(comparison, key, bin_metric(comparison, name))


def classes_table(comparison: Comparison) -> ReportTable | None:
    """Cells by F1 of each class; None where the objective is not of a chart."""
    metrics = class_metrics(comparison)
    evidence = comparison.evidence
    if not metrics or not comparison.keys:
        return None
    rows, numbers = [], []
    for key in comparison.keys:
        spreads = {name: comparison.spread(key, str(metric)) for name, metric in metrics.items()}
        rows.append((*_words(comparison, key), *(percent(each.mean, each.spread) for each in spreads.values())))
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


def shown_metrics(comparison: Comparison) -> tuple[str, ...]:
    """The objective, then weighted and macro F1 on every grid, the AutoICE score, and the majority class."""
    have = dict.fromkeys(name for trial in comparison.evidence.finished for name in trial.metrics)
    first = comparison.objective.split("/")[0]
    grids = sorted(
        {name.split("/")[0] for name in have if name.startswith("test")}, key=lambda grid: (grid != first, grid)
    )
    wanted = [f"{grid}/{score}" for grid in grids for score in ("f1", "f1_macro", "autoice")]
    # Trials of one ratio have one majority on every grid, but on its own grid each ratio has its own.
    level = next((f"{grid}/majority_f1" for grid in grids if grid.endswith("m")), "")
    others = [name for name in (*wanted, level) if name in have and name != comparison.objective]
    return (comparison.objective, *others)


def text_of(name: str) -> Callable[..., str]:
    """How a metric is written: shares in percent."""
    return percent if is_share(name) else number


def _heading(name: str) -> str:
    return f"{metric_label(name)}{' [%]' if is_share(name) else ''}"


def _words(comparison: Comparison, key: Key) -> tuple[str, ...]:
    return key_words(comparison.evidence.axes, key)


def _name(comparison: Comparison, key: Key) -> str:
    return cell_label(comparison.evidence.axes, key)


def _role(comparison: Comparison, task: str, key: Key) -> str:
    roles = [
        name
        for name, other in (("reference", comparison.reference(task)), ("best", comparison.best(task)))
        if other == key
    ]
    return " and ".join(roles)


def _between(name: str, low: float, high: float, *, signed: bool = False) -> str:
    if low != low or high != high:
        return "–"
    write = _signed if signed else lambda name, value: text_of(name)(value)
    return f"{write(name, low)} to {write(name, high)}"


def _signed(name: str, value: float) -> str:
    if value != value:
        return "–"
    text = text_of(name)(abs(value))
    return f"{'−' if value < 0 else '+'}{text}" if float(text) else text


def _grid_words(metric: MetricName) -> str:
    return parsed_label(MetricName(grid=metric.grid, chart=metric.chart, score="f1")).removeprefix(
        f"{score_label('f1')}, "
    )


def why_empty(comparison: Comparison, key: Key, metric: MetricName | None) -> str:
    """Why a cell has no such score.

    Returns:
        The reason why it was left out, `not finished`, `no test scenes`, `no labelled pixel`, or a dash where it is not
        known.
    """
    trials = comparison.evidence.trials_of(key)
    if not trials:
        return comparison.evidence.left_out.get(key, NOT_FINISHED)
    results = [trial.result for trial in trials if trial.result is not None]
    if not results or metric is None:
        return "–"
    rows = [row for result in results for row in result.scenes]
    chart = metric.chart or first_target(trials[0].row)
    own = [row for row in rows if metric.bin in (None, row.season, row.location, row.cryoseason)]
    if not own:
        return NO_SCENES
    return NO_LABELS if not any(row.n for row in own if row.chart == chart and row.grid == metric.grid) else "–"
