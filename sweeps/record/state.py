"""State of every trial of a study, from its rows in MLflow. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from sweeps.record.study import TrialRow

State = Literal["finished", "running", "stopped", "failed", "killed", "missing"]
STATES: Final[tuple[State, ...]] = ("finished", "running", "stopped", "failed", "killed", "missing")

STOPPED: Final = "stopped/epoch"
"""Metric of an attempt that a scheduler ended."""


@dataclass(frozen=True, kw_only=True)
class TrialState:
    """One trial.

    Attributes:
        state: The best state of any attempt: `finished`, else `running`, else how the newest one ended (`stopped`
            by a scheduler, `failed`, `killed`); `missing` without an attempt.
        row: The attempt with this state.
        attempts: How many there were.
    """

    state: State
    row: TrialRow | None = None
    attempts: int = 0


def states_of(rows: Iterable[TrialRow]) -> dict[str, TrialState]:
    """State of every trial that has an attempt, by trial_id; of several finished attempts the newest counts."""
    found: dict[str, list[TrialRow]] = {}
    for row in sorted(rows, key=lambda row: row.started):
        found.setdefault(row.trial_id, []).append(row)
    return {trial_id: _state(attempts) for trial_id, attempts in found.items()}


def state_of(states: Mapping[str, TrialState], trial_id: str) -> TrialState:
    """State of one trial."""
    return states.get(trial_id, TrialState(state="missing"))


def finished_earlier(states: Mapping[str, TrialState], earlier: Iterable[Mapping[str, str]]) -> dict[str, int]:
    """How many trials are finished under an id that no longer counts, by the reason; `earlier` has both for each."""
    finished = ({why for old, why in ids.items() if state_of(states, old).state == "finished"} for ids in earlier)
    return dict(Counter("; ".join(sorted(reasons)) for reasons in finished if reasons))


def _state(attempts: list[TrialRow]) -> TrialState:
    for status, state in (("FINISHED", "finished"), ("RUNNING", "running")):
        those = [row for row in attempts if row.status == status]
        if those:
            return TrialState(state=state, row=those[-1], attempts=len(attempts))  # type: ignore[arg-type]
    last = attempts[-1]
    if STOPPED in last.metrics:
        return TrialState(state="stopped", row=last, attempts=len(attempts))
    return TrialState(state="failed" if last.status == "FAILED" else "killed", row=last, attempts=len(attempts))
