"""Every trial of a study accounted for: finished, failed, never started, left out; and what the finished ones cost."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from datasets.plural import plural
from sweeps.report.cells import CellComparison
from sweeps.report.evidence import Evidence, FinishedTrial
from sweeps.report.score_tables import text_of
from sweeps.report.tables import ReportTable
from sweeps.report.wording import axis_label, cell_label, key_words, metric_heading

_NAMED: Final = 12
"""Most missing trials that the head of a page names; all are in its list of trials."""
_COSTS: Final[Sequence[tuple[str, str, str, float]]] = (
    ("cost/gpu_hours", "GPU-hours", "sum", 1.0),
    ("cost/cpu_hours", "CPU-hours", "sum", 1.0),
    ("cost/seconds", "wall time [h]", "sum", 1 / 3600),
    ("cost/patches_per_second", "patches per second", "mean", 1.0),
    ("cost/peak_memory_mib", "peak memory [GiB]", "mean", 1 / 1024),
    ("cost/parameters", "parameters [million]", "mean", 1e-6),
)
"""Metric, heading, how cells sum it up, and the factor to the unit of the heading."""


def state(evidence: Evidence) -> str:
    """`7 of 9 trials finished; missing: 5 (200 m) seed 1 (FAILED); 10 (400 m) seed 2 (never started)`."""
    text = f"{len(evidence.finished)} of {plural(evidence.expected, 'trial')} finished"
    missing = missing_trials(evidence)
    more = len(missing) - _NAMED
    words = "; ".join(missing[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
    return f"{text}; missing: {words}" if missing else text


def missing_trials(evidence: Evidence) -> list[str]:
    """Every trial without a finished attempt, by name where it has one."""
    named, unnamed = evidence.never_started()
    found = [
        f"{cell_label(evidence.axes, trial.key)} seed {trial.seed} ({trial.row.status})"
        for trial in sorted(evidence.unfinished, key=lambda trial: (evidence.keys.index(trial.key), trial.seed))
    ]
    found += [f"every {task} trial ({count}, never started)" for task, count in evidence.idle.items()]
    found += [f"{cell_label(evidence.axes, key)} seed {seed} (never started)" for key, seed in named]
    return found + ([f"{plural(unnamed, 'more trial')} (never started)"] if unnamed else [])


def unfinished_table(evidence: Evidence) -> ReportTable | None:
    """Trials that were started and did not finish, with their last word; None if there are none."""
    if not evidence.unfinished:
        return None
    rows = [
        (
            *key_words(evidence.axes, trial.key),
            str(trial.seed),
            trial.row.status,
            str(trial.attempts),
            trial.error or ("it runs" if trial.row.status == "RUNNING" else "it left no error"),
            trial.row.run_id,
        )
        for trial in evidence.unfinished
    ]
    header = (*map(axis_label, evidence.axes), "seed", "state", "attempts", "last line of the error", "run")
    return ReportTable(
        name="missing",
        title=f"{evidence.study.study}: trials that were started and have not finished",
        header=header,
        rows=tuple(rows),
        words=len(header),
        numbers=pd.DataFrame(rows, columns=[*evidence.axes, "seed", "status", "attempts", "error", "run_id"]),
        runs=True,
    )


def runs_table(comparison: CellComparison) -> ReportTable:
    """Every finished trial with its score; the last column is MLflow's run."""
    evidence, objective = comparison.evidence, comparison.objective
    rows = [
        (
            *key_words(evidence.axes, trial.key),
            str(trial.seed),
            text_of(objective)(trial.metrics.get(objective, float("nan"))),
            trial.row.trial_id,
            trial.row.run_id,
        )
        for key in evidence.keys
        for trial in evidence.trials_of(key)
    ]
    return ReportTable(
        name="trials",
        title=f"{evidence.study.study}: finished trials",
        header=(*map(axis_label, evidence.axes), "seed", metric_heading(objective), "trial", "run"),
        rows=tuple(rows),
        words=len(evidence.axes),
        numbers=evidence.frame(),
        runs=True,
    )


def cost_table(evidence: Evidence) -> ReportTable:
    """What the finished trials of every cell cost, and all together."""
    rows, numbers = [], []
    for key in evidence.keys:
        trials, words = evidence.trials_of(key), key_words(evidence.axes, key)
        if trials:
            values = {name: cost(trials, name, how) for name, _, how, _ in _COSTS}
            rows.append((*words, *_cost_texts(list(values.values())), str(len(trials))))
            numbers.append(dict(zip(evidence.axes, words, strict=True)) | values)
    total = [cost(evidence.finished, name) if how == "sum" else float("nan") for name, _, how, _ in _COSTS]
    all_words = ("all",) + ("",) * (len(evidence.axes) - 1) if evidence.axes else ()
    rows.append((*all_words, *_cost_texts(total), str(len(evidence.finished))))
    return ReportTable(
        name="cost",
        title=f"{evidence.study.study}: cost of the finished trials (hours are sums, the others means over trials)",
        header=(*map(axis_label, evidence.axes), *(label for _, label, _, _ in _COSTS), "trials"),
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


def _cost_texts(values: Sequence[float]) -> list[str]:
    return [_short(value * factor) for value, (_, _, _, factor) in zip(values, _COSTS, strict=True)]


def _short(value: float) -> str:
    if value != value:
        return "–"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 0.01 or value == 0 else f"{value:.1g}"
