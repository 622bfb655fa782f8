"""Checkpoints that no training is needed for."""

from pathlib import Path

import pytest

from datasets.lake import Lake
from tests.training.attribution.explained import untrained
from training.spec import TrialSpec


@pytest.fixture(scope="session")
def pixel_trial(tiny_lake: Lake, small_spec: TrialSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """best.pt of a pixel-based network on the tiny lake."""
    return untrained(small_spec, tiny_lake, tmp_path_factory.mktemp("pixel-trial"))


@pytest.fixture(scope="session")
def patch_trial(tiny_lake: Lake, small_spec: TrialSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """best.pt of a patch-based network on the tiny lake."""
    spec = small_spec.with_all(
        {"data.task": "patch", "data.stride": 8, "data.ratio": 5, "model.name": "cnn", "model.params": {}}
    )
    return untrained(spec, tiny_lake, tmp_path_factory.mktemp("patch-trial"))
