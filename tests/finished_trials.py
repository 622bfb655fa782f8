"""Finished trials of a study in MLflow."""

from sweeps.record.state import states_of
from sweeps.record.study import StudyTracker


def finished_trials(study: StudyTracker) -> dict[str, dict[str, float]]:
    """Metrics of every finished trial by trial_id, of its newest finished run."""
    states = states_of(study.children_rows())
    return {name: each.row.metrics for name, each in states.items() if each.row and each.state == "finished"}
