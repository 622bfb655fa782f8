"""Where trials stand, from rows of MLflow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.record.state import STOPPED, state_of, states_of
from sweeps.record.study import TrialRow

ATTEMPTS = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["RUNNING", "FINISHED", "FAILED", "KILLED"])), max_size=8
)


def row(trial_id: str, status: str, started: int, **metrics: float) -> TrialRow:
    named = {name.replace("_", "/", 1): value for name, value in metrics.items()}
    return TrialRow(
        trial_id=trial_id, run_id=f"{started}", status=status, started=started, params={}, tags={}, metrics=named
    )


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        (["FAILED", "FINISHED"], "finished"),
        (["FINISHED", "FAILED"], "finished"),
        (["FINISHED", "RUNNING"], "finished"),
        (["FAILED", "RUNNING"], "running"),
        (["KILLED", "FAILED"], "failed"),
        (["FAILED", "KILLED"], "killed"),
    ],
)
def test_the_best_that_any_attempt_came_to(statuses: list[str], state: str) -> None:
    rows = [row("a", status, number) for number, status in enumerate(statuses)]
    found = states_of(reversed(rows))
    assert (found["a"].state, found["a"].attempts) == (state, len(rows))


def test_a_trial_that_a_scheduler_ended_is_over_until_it_is_tried_again() -> None:
    stopped = row("a", "KILLED", 1, **{STOPPED.replace("/", "_"): 3.0})
    assert states_of([stopped])["a"].state == "stopped"
    assert states_of([stopped, row("a", "FAILED", 2)])["a"].state == "failed"
    assert state_of(states_of([stopped]), "b").state == "missing"


@given(ATTEMPTS)
def test_every_trial_has_one_state_and_its_attempts_are_counted(attempts: list[tuple[str, str]]) -> None:
    rows = [row(trial_id, status, number) for number, (trial_id, status) in enumerate(attempts)]
    found = states_of(rows)
    assert found.keys() == {trial_id for trial_id, _ in attempts}
    assert sum(state.attempts for state in found.values()) == len(attempts)
    for trial_id, state in found.items():
        assert state.row is not None
        assert state.row.trial_id == trial_id
