"""All that is random follows from the seed of the spec, each thing by itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from datasets.lake import Lake
from tests.wires.recording import digest, record
from tests.wires.test_selection import SPEC
from training.data.training_batches import TrainingBatches, patch_source
from training.data.trial_data import TrialData
from training.loop.processes import Processes
from training.models import build_network
from training.spec import TrialSpec

PATCH: Mapping[str, Any] = {"data.task": "patch", "data.ratio": 2, "data.stride": 12, "model.params": {"pooled": True}}


def batches(spec: TrialSpec, lake: Lake) -> TrainingBatches:
    data = TrialData.of(spec, lake, torch.device("cpu"), cache=None)
    return TrainingBatches(data, patch_source(data), Processes(), workers=0)


def windows(spec: TrialSpec, lake: Lake, epoch: int = 0) -> list[tuple[object, ...]]:
    return [batch.windows for batch in batches(spec, lake).epoch(epoch)]


@pytest.mark.parametrize(
    "changes",
    [{}, {"data.max_patches": 3}, PATCH, {**PATCH, "data.balanced": True}, {**PATCH, "data.max_patches": 4}],
    ids=["crops", "pool", "patches", "balanced", "prefix"],
)
def test_windows_follow_the_seed_and_the_epoch(wired_lake: Lake, changes: dict[str, Any]) -> None:
    spec = SPEC.with_all(changes)
    first = windows(spec, wired_lake)
    assert windows(spec, wired_lake) == first
    assert windows(spec.with_("seed", 1), wired_lake) != first
    assert windows(spec, wired_lake, epoch=1) != first


@pytest.mark.parametrize("changes", [{"data.max_patches": 3}, {**PATCH, "data.max_patches": 4}], ids=["pool", "prefix"])
def test_the_set_of_patches_is_of_the_seed_and_not_of_the_epoch(wired_lake: Lake, changes: dict[str, Any]) -> None:
    most = {"loop.batch_size": 16, "loop.batches_per_epoch": 4}  # so many draws that all have their turn
    sets = [
        {window for epoch in (0, 1) for batch in windows(spec, wired_lake, epoch) for window in batch}
        for spec in (SPEC.with_all({**changes, **most, "seed": seed}) for seed in (0, 1))
    ]
    assert {len(each) for each in sets} == {changes["data.max_patches"]}
    assert sets[0] != sets[1]


def test_the_share_of_scenes_is_drawn_by_the_seed(wired_lake: Lake) -> None:
    found = {
        TrialData.of(
            SPEC.with_all({"data.scene_share": 0.2, "seed": seed}), wired_lake, torch.device("cpu"), cache=None
        ).scenes.train.scene_ids
        for seed in range(6)
    }
    assert len(found) > 1


def test_weights_are_drawn_by_the_seed(wired_lake: Lake, tmp_path: Path) -> None:
    spec = SPEC.with_all({"loop.max_epochs": 1, "loop.batches_per_epoch": 1})
    for seed in (0, 7):
        trial = record(spec.with_("seed", seed), wired_lake, tmp_path / str(seed))
        torch.manual_seed(seed)
        assert trial.wires.start == digest(build_network(spec).state_dict().values())


def test_augmentation_is_drawn_by_seed_epoch_and_batch(wired_lake: Lake) -> None:
    spec = SPEC.with_all({"augment.rotate": 1.0, "augment.flip_lines": 0.5})
    one, other = (batches(spec.with_("seed", seed), wired_lake) for seed in (0, 1))
    batch = next(one.epoch(0))
    x, y = one.prepare(batch, 3, 5)
    again = one.prepare(batch, 3, 5)
    assert torch.equal(x, again[0])
    assert torch.equal(y, again[1])
    for made, epoch, number in ((one, 4, 5), (one, 3, 6), (other, 3, 5)):
        assert not torch.equal(x, made.prepare(batch, epoch, number)[0])


def test_what_layers_draw_while_they_train_is_of_seed_and_epoch(
    wired_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[int] = []
    seed_torch = torch.manual_seed
    monkeypatch.setattr(torch, "manual_seed", lambda seed: (seeds.append(seed), seed_torch(seed))[1])
    record(SPEC.with_all({"seed": 5, "loop.max_epochs": 2}), wired_lake, tmp_path)
    assert seeds[0] == 5
    own = seeds[-2:]
    assert len({*own, 5}) == 3
    seeds.clear()
    record(SPEC.with_all({"seed": 6, "loop.max_epochs": 2}), wired_lake, tmp_path / "other")
    assert not {*own} & {*seeds}
