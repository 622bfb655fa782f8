"""Quick torch, and checkpoints that no training is needed for."""

from pathlib import Path

import pytest
import torch

from datasets.lake import Lake
from datasets.normalize import Normalization
from training.checkpoint import Checkpoint, save_checkpoint
from training.heads import n_outputs
from training.models import build_model
from training.scenes import bind
from training.spec import TrialSpec


def untrained(spec: TrialSpec, lake: Lake, folder: Path) -> Path:
    """A checkpoint of random weights in the folder of a trial."""
    spec = bind(spec, lake)
    torch.manual_seed(0)
    model = build_model(spec.model, task=spec.data.task, in_channels=len(spec.data.channels), n_outputs=n_outputs(spec))
    normalization = Normalization.from_lake(lake, spec.data.channels, spec.data.ratio)
    path = folder / "best.pt"
    save_checkpoint(path, Checkpoint(spec=spec, normalization=normalization, epoch=0, state=model.state_dict()))
    return path


@pytest.fixture(scope="session")
def pixel_trial(tiny_lake: Lake, small_spec: TrialSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """best.pt of a pixel-based network on the tiny lake."""
    return untrained(small_spec, tiny_lake, tmp_path_factory.mktemp("pixel-trial"))


@pytest.fixture(scope="session")
def patch_trial(tiny_lake: Lake, small_spec: TrialSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """best.pt of a patch-based network on the tiny lake."""
    spec = small_spec.with_all(
        {"data.task": "classification", "data.stride": 8, "data.ratio": 5, "model.name": "cnn", "model.params": {}}
    )
    return untrained(spec, tiny_lake, tmp_path_factory.mktemp("patch-trial"))
