"""Small specs and quick torch for the tests of training."""

from collections.abc import Iterator

import pytest
import torch

from training.spec import TrialSpec


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def small_spec() -> TrialSpec:
    """A trial of seconds on the tiny lake: ratio 10, two epochs of three batches."""
    return TrialSpec.from_dict(
        {
            "data": {
                "ratio": 10,
                "patch_size": 16,
                "channels": ["nersc_sar_primary", "nersc_sar_secondary", "sar_incidenceangle", "t2m", "month"],
            },
            "model": {"params": {"filters": [4, 4, 8]}},
            "optimizer": {"lr": 1e-2, "restart_epochs": 2},
            "loop": {"batch_size": 4, "batches_per_epoch": 3, "max_epochs": 2},
            "evaluation": {"fixed_ratio": 2},
        }
    )
