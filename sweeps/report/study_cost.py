"""What a study cost, by cell and in all."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from sweeps.report.cells import Comparison
from sweeps.report.evidence import FinishedTrial
from sweeps.report.tables import ReportTable
from sweeps.report.wording import axis_label, key_words

_COSTS: Final[Sequence[tuple[str, str, str, float]]] = (
    ("cost/gpu_hours", "GPU-hours", "sum", 1.0),
    ("cost/cpu_hours", "CPU-hours", "sum", 1.0),
    ("cost/seconds", "wall time [h]", "sum", 1 / 3600),
    ("cost/patches_per_second", "patches per second", "mean", 1.0),
    ("cost/peak_memory_mib", "peak memory [GiB]", "mean", 1 / 1024),
    ("cost/parameters", "parameters [million]", "mean", 1e-6),
)


def cost_table(comparison: Comparison) -> ReportTable:
    """What the finished trials of every cell cost, and all together."""
    evidence = comparison.evidence
    cells = [(key, evidence.trials_of(key)) for key in evidence.keys]
    rows, numbers = [], []
    for words, trials in [*((key_words(evidence.axes, key), trials) for key, trials in cells if trials)]:
        values = [cost(trials, name, how) for name, _, how, _ in _COSTS]
        rows.append((*words, *_costs(values), str(len(trials))))
        numbers.append(
            dict(zip(evidence.axes, words, strict=True))
            | {name: value for (name, *_), value in zip(_COSTS, values, strict=True)}
        )
    total = [cost(evidence.finished, name, how) if how == "sum" else float("nan") for name, _, how, _ in _COSTS]
    all_words = ("all",) + ("",) * (len(evidence.axes) - 1) if evidence.axes else ()
    rows.append((*all_words, *_costs(total), str(len(evidence.finished))))
    return ReportTable(
        name="cost",
        title=f"{evidence.study.study}: cost of the finished trials (hours are sums, the others means over trials)",
        header=(*(axis_label(axis) for axis in evidence.axes), *(label for _, label, _, _ in _COSTS), "trials"),
        rows=tuple(rows),
        words=len(evidence.axes),
        numbers=pd.DataFrame(numbers),
    )


def cost(trials: Sequence[FinishedTrial], name: str, how: str = "sum") -> float:
    """Sum or mean of a cost over trials; NaN where no trial has it."""
    known = [trial.metrics[name] for trial in trials if name in trial.metrics]
    if not known:
        return float("nan")
    return float(np.sum(known) if how == "sum" else np.mean(known))


def _costs(values: Sequence[float]) -> list[str]:
    return [
        "–" if value != value else _short(value * factor)
        for value, (_, _, _, factor) in zip(values, _COSTS, strict=True)
    ]


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 0.01 or value == 0 else f"{value:.1g}"
