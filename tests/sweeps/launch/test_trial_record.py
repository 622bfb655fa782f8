"""The record of a trial that belongs to a study."""

from collections.abc import Mapping

import pytest

from sweeps.launch.trial_record import StudyTrialTracker, recorded
from tests.sweeps.launch.small_study import SPEC, orders_of_nobody
from training.spec import TrialSpec
from training.tracking.tracker import MemoryTracker, Status


class Heard(MemoryTracker):
    begun = False

    def start(self, spec: TrialSpec, tags: Mapping[str, str]) -> None:
        super().start(spec, tags)
        self.begun = True


def failing(tracker: Heard) -> None:
    (order,) = orders_of_nobody(1)
    of_study: StudyTrialTracker = tracker  # type: ignore[assignment]
    with pytest.raises(ValueError, match="no lake"), recorded(order, of_study):
        raise ValueError("no lake")


def test_a_trial_that_fails_before_its_record_begins_gets_one() -> None:
    tracker = Heard()
    failing(tracker)
    failed: Status = "FAILED"
    assert (tracker.spec, tracker.tags, tracker.status) == (SPEC, {"lake": ""}, failed)
    assert "no lake" in tracker.texts["error.txt"]


def test_a_record_that_has_begun_is_left_to_its_trial() -> None:
    tracker = Heard()
    tracker.start(SPEC, {})
    failing(tracker)
    assert (tracker.status, tracker.texts) == (None, {})
