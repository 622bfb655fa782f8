"""Quick torch for the tests of training, and a patch-based trial of seconds."""

import pytest

from tests.one_thread import one_thread
from training.spec import TrialSpec

__all__ = ["one_thread"]


@pytest.fixture(scope="session")
def patch_spec(small_spec: TrialSpec) -> TrialSpec:
    """A patch-based trial of seconds."""
    return small_spec.with_all(
        {
            "data.task": "patch",
            "data.ratio": 2,
            "data.patch_size": 24,
            "data.stride": 12,
            "model": {"name": "cnn"},
            "loop.batches_per_epoch": 4,
        }
    )
