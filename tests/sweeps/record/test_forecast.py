"""When trials will end."""

from datetime import datetime

import pytest

from sweeps.record.forecast import OpenTrial, clock, duration, seconds_left


def test_waiting_trials_take_the_place_that_is_free_first() -> None:
    trials = [OpenTrial(cell="a", running=60), OpenTrial(cell="b", running=10), *[OpenTrial(cell="a")] * 3]
    assert seconds_left(trials, {"a": [90, 110], "b": [200]}) == [40, 190, 140, 240, 290]
    assert seconds_left(trials, {"a": [90, 110], "b": [200]}, slots=3)[2:] == [100, 140, 200]


def test_a_cell_without_a_finished_trial_takes_as_long_as_the_others() -> None:
    assert seconds_left([OpenTrial(cell="c"), OpenTrial(cell="c", running=50)], {"a": [90, 110], "b": [200]}) == [
        250,
        100,
    ]


def test_before_anything_has_finished_the_pace_of_epochs_counts() -> None:
    trials = [OpenTrial(cell="a", running=30, share=0.25), OpenTrial(cell="a")]
    assert seconds_left(trials, {}) == [90, 210]
    assert seconds_left([OpenTrial(cell="a", running=30), OpenTrial(cell="a")], {}) == [None, None]


def test_a_trial_that_takes_longer_than_usual_may_end_at_any_moment() -> None:
    assert seconds_left([OpenTrial(cell="a", running=500)], {"a": [100]}) == [0]


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.4, "4 s"), (130, "2 min"), (3600 * 5, "5.0 h"), (86400 * 3, "3.0 days")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_far_moment_has_its_day() -> None:
    now = datetime(2026, 3, 4, 13, 5).timestamp()
    assert clock(now + 60, now).startswith("13:06 ")
    assert clock(now + 2 * 86400, now).startswith("Fri 6 Mar 13:05 ")
