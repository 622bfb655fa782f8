"""Checkpoints without a training, and a lake that none of them was trained on."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from datasets.lake import Lake
from datasets.loading.normalize import Normalization
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.recipe import Recipe
from tests.built_once import built_once
from training.loop.checkpoint import Checkpoint, save_checkpoint
from training.models import build_network
from training.spec import TrialSpec

MakeCheckpoint = Callable[..., Path]
_CHOSEN = ("20180314T214655", "20210524T213436")


@pytest.fixture(scope="session")
def new_lake(tmp_path_factory: pytest.TempPathFactory, raw_train: list[Path], raw_test: list[Path]) -> Lake:
    """Two scenes that are no training scenes, so the lake has no statistics; one lacks SAR here and there."""

    def build(folder: str) -> list[str]:
        recipe = Recipe(ratios=(2, 5, 10))
        lake = Lake.create(f"{folder}/lake", recipe.to_lake())
        raw = [path for path in (*raw_train, *raw_test) if any(name in path.name for name in _CHOSEN)]
        publish(lake, [convert_scene(str(path), recipe, lake, "test") for path in raw], SplitOptions())
        return [lake.url]

    (url,) = built_once(tmp_path_factory, "new-lake", build)
    return Lake.open(url)


@pytest.fixture
def make_checkpoint(tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path) -> MakeCheckpoint:
    """Writes `best.pt` of a network with random weights, normalized by the tiny lake; takes changes of the spec."""

    def make(name: str = "trial", **changes: object) -> Path:
        spec = small_spec.with_all({**{key.replace("__", "."): value for key, value in changes.items()}})
        spec = spec.with_("data.lake", tiny_lake.digest)
        torch.manual_seed(spec.seed)
        normalization = Normalization.from_lake(tiny_lake, spec.inputs, spec.data.ratio)
        state = build_network(spec).state_dict()
        file = tmp_path / name / "best.pt"
        save_checkpoint(file, Checkpoint(spec=spec, normalization=normalization, epoch=3, state=state))
        return file

    return make
