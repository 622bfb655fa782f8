"""`python -m sweeps status`: how far studies are, from their rows in MLflow."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from rich.table import Table

from datasets.terminal import out
from sweeps.launch.state import STATES, TrialState, states_of
from training.studies import StudyRow
from training.study import TrialRow

_AXIS = "axis."


def show_studies(studies: Sequence[StudyRow], tracking_uri: str) -> None:
    """One line a study and lake: trials by state."""
    table = Table()
    for column in ("study", "lake"):
        table.add_column(column, overflow="fold")
    for column in ("trials", *STATES):
        table.add_column(column, justify="right")
    for study in studies:
        states = states_of(study.tracker(tracking_uri).children_rows())
        counts = Counter(state.state for state in states.values())
        trials = study.design.trials if study.design is not None else len(states)
        counts["missing"] = max(trials - len(states), 0)
        table.add_row(study.study, study.lake, str(trials), *(str(counts[state] or "") for state in STATES))
    out.print(table)


def show_trials(study: StudyRow, tracking_uri: str) -> None:
    """One line a trial that has an attempt."""
    states = states_of(study.tracker(tracking_uri).children_rows())
    table = Table(title=f"{study.study} on lake {study.lake}")
    for column in (
        "trial",
        "state",
        "attempts",
        "epochs",
        "val F1",
        "test F1, 80 m",
        "started",
        "where it is in the study",
    ):
        table.add_column(column, overflow="fold")
    for trial_id, state in sorted(states.items(), key=lambda pair: _order(pair[1])):
        if state.row is not None:
            table.add_row(trial_id, state.state, str(state.attempts), *_cells(state.row))
    out.print(table)


def _cells(row: TrialRow) -> tuple[str, ...]:
    metrics = row.metrics
    epochs = metrics.get("best/epoch")
    labels = " ".join(
        f"{name.removeprefix(_AXIS)}={value}" for name, value in row.tags.items() if name.startswith(_AXIS)
    )
    return (
        "" if epochs is None else f"best {epochs:.0f}",
        _score(metrics.get("best/val_f1", metrics.get("val/f1"))),
        _score(metrics.get("test_80m/f1", metrics.get("test/f1"))),
        f"{datetime.fromtimestamp(row.started / 1000):%Y-%m-%d %H:%M}",
        labels,
    )


def _score(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


def _order(state: TrialState) -> tuple[int, int]:
    return STATES.index(state.state), state.row.started if state.row is not None else 0
