"""Records that trials of a study could not send to MLflow by themselves: before and after they run."""

import shlex
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from datasets.plural import plural
from datasets.process.terminal import err
from sweeps.launch.trials import Outcome
from sweeps.record.state import TrialState, state_of
from training.tracking.outbox import default_outbox
from training.tracking.server import public
from training.tracking.sync import sync

if TYPE_CHECKING:
    from sweeps.record.study import StudyTracker
    from training.tracking.records import StartRecord

_ENDING_S: Final = 15.0
"""Longest wait for processes of ended trials that still hold what they have to send."""


def send_waiting_records(study: "StudyTracker", just_ended: Collection[str] = ()) -> None:
    """Sends what trials of this study left in the outbox of this machine; says what cannot be sent.

    Args:
        study: Only its trials, on its server.
        just_ended: Ids of trials whose processes are about to end; they are waited for, shortly.
    """

    def ours(start: "StartRecord") -> bool:
        return start.experiment == study.study and start.tracking_uri == public(study.tracking_uri)

    deadline = time.monotonic() + _ENDING_S
    while True:
        rows = sync(default_outbox(), tracking_uri=study.tracking_uri, wanted=ours)
        if time.monotonic() > deadline or not any(row.living and row.trial_id in just_ended for row in rows):
            break
        time.sleep(0.5)
    for row in rows:
        if row.left:
            err.print(
                f"trial {row.trial_id}: {plural(row.left, 'record is', 'records are')} not in MLflow: {row.note}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )


def fail_unrecorded(outcomes: Sequence[Outcome], states: Mapping[str, TrialState]) -> list[Outcome]:
    """Counts as failed what ended well but is not over in MLflow: the results would be missing in the report."""
    error = (
        f"it ended, but its results are not in MLflow yet: type `python -m sweeps sync --outbox "
        f"{shlex.quote(str(default_outbox()))}` on the node where it ran, before the study runs again"
    )
    return [
        replace(outcome, error=error)
        if outcome.error is None and state_of(states, outcome.trial_id).state not in ("finished", "stopped")
        else outcome
        for outcome in outcomes
    ]
