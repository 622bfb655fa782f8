"""The two trials that studies change."""

import pytest

from sweeps.design.bases import BASES, SMOKE, arm, both
from training.spec import Task


@pytest.mark.parametrize("task", ["pixel", "patch"])
def test_the_published_trial_of_a_task_can_be_tried_small(task: Task) -> None:
    found = arm(task, {"data.ratio": (2, 5)})
    assert found.base == BASES[task]
    assert found.base.data.task == task
    small = found.base.with_all(found.smoke)
    assert small.data.patch_size <= 32
    assert small.loop.max_epochs < found.base.loop.max_epochs
    assert small.data.channels == found.base.data.channels


def test_both_tasks_have_the_same_axes() -> None:
    arms = both({"data.ratio": (2, 5)})
    assert set(arms) == set(BASES) == set(SMOKE)
    assert arms["pixel"].axes == arms["patch"].axes
