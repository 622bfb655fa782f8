"""A few steps of a network, timed."""

import pytest

from training.loop.step_cost import step_cost
from training.models import build_network, count_parameters
from training.spec import TrialSpec

PIXEL = TrialSpec.from_dict(
    {
        "data": {"patch_size": 32, "targets": ["SIC", "SOD"]},
        "model": {"params": {"filters": [4, 4]}},
        "loop": {"batch_size": 2},
    }
)
PATCH = TrialSpec.from_dict(
    {
        "data": {"task": "patch", "patch_size": 32, "stride": 16},
        "model": {"name": "cnn"},
        "loop": {"batch_size": 2, "batches_per_epoch": None},
    }
)


@pytest.mark.parametrize("spec", [PIXEL, PIXEL.with_("loss.sic", "regression"), PATCH], ids=["pixel", "value", "patch"])
def test_a_step_has_a_time_and_a_network_a_size(spec: TrialSpec) -> None:
    found = step_cost(spec)
    assert 0 < found.forward_seconds < 20
    assert 0 < found.seconds < 20
    assert found.processor_seconds > 0
    assert found.memory_mib > 0
    assert found.parameters == count_parameters(build_network(spec))
