"""The main tables of a study: scores of cells, and their differences."""

from collections.abc import Callable, Sequence
from typing import Final

import pandas as pd

from sweeps.report.bootstrap import CONFIDENCE
from sweeps.report.cells import Comparison, Difference
from sweeps.report.labels import Key
from sweeps.report.tables import ReportTable
from sweeps.report.wording import (
    axis_label,
    cell_label,
    is_share,
    key_words,
    metric_label,
    number,
    percent,
)

_KINDS: Final = ("mean", "spread", "n")


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
            cells[0] = comparison.why_empty(key, comparison.metric)
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
    found = [
        (task, each, f"{_name(comparison, each.against)} ({_role(comparison, task, each.against)})")
        for task in comparison.evidence.tasks
        for each in comparison.differences(task)
    ]
    return table_of_differences(comparison, found)


def table_of_differences(comparison: Comparison, found: Sequence[tuple[str, Difference, str]]) -> ReportTable:
    """Differences with their task and how the other cell is called, a row each."""
    evidence, objective = comparison.evidence, comparison.objective
    rows, numbers = [], []
    for task, each, against in found:
        names = [_name(comparison, key) for key in (each.key, each.against)]
        low, high = each.interval.low, each.interval.high
        rows.append(
            (
                names[0],
                against,
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
