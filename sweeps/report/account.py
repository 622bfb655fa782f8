"""Every trial of a study accounted for: finished, failed, never started, left out."""

import pandas as pd

from sweeps.report.cells import Comparison
from sweeps.report.evidence import Evidence
from sweeps.report.score_tables import text_of
from sweeps.report.tables import ReportTable
from sweeps.report.wording import axis_label, cell_label, is_share, key_words, metric_label, plural

_NAMED = 12
"""Most missing trials that the head of a page names; all are in its list of trials."""


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
        for trial in sorted(evidence.open, key=lambda trial: (evidence.keys.index(trial.key), trial.seed))
    ]
    found += [f"every {task} trial ({count}, never started)" for task, count in evidence.idle.items()]
    found += [f"{cell_label(evidence.axes, key)} seed {seed} (never started)" for key, seed in named]
    return found + ([f"{plural(unnamed, 'more trial')} (never started)"] if unnamed else [])


def open_table(evidence: Evidence) -> ReportTable | None:
    """Trials that were started and did not finish, with their last word; None if there are none."""
    if not evidence.open:
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
        for trial in evidence.open
    ]
    header = (
        *(axis_label(axis) for axis in evidence.axes),
        "seed",
        "state",
        "attempts",
        "last line of the error",
        "run",
    )
    numbers = pd.DataFrame(rows, columns=[*evidence.axes, "seed", "status", "attempts", "error", "run_id"])
    return ReportTable(
        name="missing",
        title=f"{evidence.study.study}: trials that were started and have not finished",
        header=header,
        rows=tuple(rows),
        words=len(header),
        numbers=numbers,
        runs=True,
    )


def runs_table(comparison: Comparison) -> ReportTable:
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
    unit = " [%]" if is_share(objective) else ""
    header = (*(axis_label(axis) for axis in evidence.axes), "seed", f"{metric_label(objective)}{unit}", "trial", "run")
    return ReportTable(
        name="trials",
        title=f"{evidence.study.study}: finished trials",
        header=header,
        rows=tuple(rows),
        words=len(evidence.axes),
        numbers=evidence.frame(),
        runs=True,
    )
