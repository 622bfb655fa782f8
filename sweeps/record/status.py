"""`python -m sweeps status`: how far studies are, from their rows in MLflow."""

from collections import Counter
from collections.abc import Sequence

from rich.table import Table

from datasets.process.terminal import out
from sweeps.design.experiment import SEED
from sweeps.record.state import STATES, TrialState, states_of
from sweeps.record.studies import StudyRow
from sweeps.record.study import TrialRow

_AXIS = "axis."


def show_studies(studies: Sequence[StudyRow], tracking_uri: str) -> None:
    """One line per study and lake: trials by state."""
    several = len({study.lake for study in studies}) > 1
    table = Table(title="studies" if several or not studies else f"studies on lake {studies[0].lake}")
    table.add_column("study", no_wrap=True)
    if several:
        table.add_column("lake", no_wrap=True)
    table.add_column("trials", justify="right")
    table.add_column("of them")
    for study in studies:
        states = states_of(study.tracker(tracking_uri).children_rows())
        counts = Counter(state.state for state in states.values())
        trials = study.design.trials if study.design is not None else len(states)
        counts["missing"] = max(trials - len(states), 0)
        summary = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
        table.add_row(study.study, *([study.lake] if several else []), str(trials), summary)
    out.print(table)


def show_trials(study: StudyRow, tracking_uri: str) -> None:
    """One line per trial that has an attempt; test F1 is that on the 80 m grid where there is one."""
    states = states_of(study.tracker(tracking_uri).children_rows())
    table = Table(title=f"{study.study} on lake {study.lake}")
    table.add_column("trial", no_wrap=True)
    table.add_column("place in the study", overflow="fold")
    for column in ("state", "tries", "val F1", "test F1"):
        table.add_column(column, no_wrap=True, justify="left" if column == "state" else "right")
    for trial_id, state in sorted(states.items(), key=lambda pair: _order(pair[1])):
        if state.row is not None:
            table.add_row(trial_id, _labels(state.row), state.state, str(state.attempts), *_cells(state.row))
    out.print(table)


def _labels(row: TrialRow) -> str:
    axes = ((name.removeprefix(_AXIS), value) for name, value in row.tags.items() if name.startswith(_AXIS))
    return " ".join([*(f"{axis}={value}" for axis, value in axes), f"{SEED}={row.tags.get(SEED, '')}"])


def _cells(row: TrialRow) -> tuple[str, ...]:
    metrics = row.metrics
    return (
        _score(metrics.get("best/val_f1", metrics.get("val/f1"))),
        _score(metrics.get("test_80m/f1", metrics.get("test/f1"))),
    )


def _score(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


def _order(state: TrialState) -> tuple[int, int]:
    return STATES.index(state.state), state.row.started if state.row is not None else 0
