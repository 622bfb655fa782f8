"""What a trial makes of its spec: weights of classes, the longest side of what is scored."""

import logging

import numpy as np
import pytest
import torch

from datasets.labels import SOD
from datasets.lake import Lake
from datasets.loading.normalize import Normalization
from datasets.patches.index_build import build_index
from datasets.patches.patch_rules import PatchRule
from training.data.trial_data import TrialData
from training.data.trial_scenes import bind, select_scenes
from training.loop.processes import Processes
from training.spec import SpecError, TrialSpec
from training.tracking.tracker import MemoryTracker
from training.trial import run_trial


def data_of(lake: Lake, spec: TrialSpec, processes: Processes | None = None) -> TrialData:
    spec = bind(spec, lake)
    return TrialData(
        spec=spec,
        lake=lake,
        scenes=select_scenes(spec, lake),
        normalization=Normalization.from_lake(lake, spec.data.channels, spec.data.ratio),
        device=torch.device("cpu"),
        processes=processes or Processes(),
        cache=None,
        workers=0,
    )


def test_balanced_classes_pull_alike_over_the_training_scenes(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    spec = small_spec.with_all({"loss.class_weights": "balanced", "data.targets": ["SOD", "FLOE"]})
    weights = data_of(tiny_lake, spec).class_weights()
    assert weights.keys() == {"SOD", "FLOE"}
    train = tiny_lake.catalog().split("train")
    for name, own in weights.items():
        pixels = [sum(record.pixels[name].get(value, 0) for record in train) for value in range(len(own))]
        pulls = {round(weight * count) for weight, count in zip(own, pixels, strict=True) if count}
        assert max(pulls) - min(pulls) <= 1
        assert sum(weight * count for weight, count in zip(own, pixels, strict=True)) == pytest.approx(sum(pixels))


def patches_of(spec: TrialSpec, **changes: object) -> TrialSpec:
    """A patch-based trial whose classes have other shares among patches than among pixels."""
    patches = {"data.task": "patch", "data.ratio": 2, "data.patch_size": 24, "data.stride": 12}
    return spec.with_all({**patches, "model": {"name": "cnn"}, "loss.class_weights": "balanced", **changes})


def test_balanced_classes_of_patches_pull_alike_over_the_patches_that_are_drawn(
    tiny_lake: Lake, small_spec: TrialSpec
) -> None:
    rule = PatchRule(ratio=2, target="SOD", patch_size=24, stride=12, border_distance=400.0)
    counts = build_index(tiny_lake, tiny_lake.catalog().split("train"), rule).class_counts
    present = counts > 0
    data = data_of(tiny_lake, patches_of(small_spec, **{"data.border_distance": 400.0}))
    weights = np.array(data.class_weights()["SOD"])
    assert weights * counts == pytest.approx(np.where(present, counts.sum() / present.sum(), 0.0))
    assert len({*counts[present].tolist()}) > 1, "so that weights of one class cannot stand for another"


def test_classes_that_no_training_patch_has_are_named(
    tiny_lake: Lake, small_spec: TrialSpec, caplog: pytest.LogCaptureFixture
) -> None:
    spec = patches_of(small_spec, **{"data.border_distance": 400.0})
    with caplog.at_level(logging.WARNING):
        weights = data_of(tiny_lake, spec, Processes(1, 2)).class_weights()["SOD"]
        assert not caplog.messages, "one process tells"
        data_of(tiny_lake, spec).training()
    absent = [name for name, weight in zip(SOD.classes, weights, strict=True) if weight == 0]
    assert caplog.messages == [f"no training patch is {' or '.join(absent)}: the network cannot learn it"]


def test_classes_that_are_drawn_equally_often_are_not_balanced_twice(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    data = data_of(tiny_lake, patches_of(small_spec, **{"data.balanced": True}))
    assert set(data.class_weights()["SOD"]) <= {0.0, 1.0}
    drawn = [int(label) for batch in data.training().epoch(0) for label in batch.y[:, 0]]
    assert all(data.class_weights()["SOD"][label] == 1.0 for label in drawn)


@pytest.mark.parametrize("world", [2, 3])
def test_the_processes_of_a_trial_augment_what_one_augments(tiny_lake: Lake, small_spec: TrialSpec, world: int) -> None:
    spec = small_spec.with_("augment", {"flip_lines": 0.5, "rotate90": 0.5, "rotate": 0.5, "scale": 0.5})
    whole_x, whole_y = second_batch(data_of(tiny_lake, spec))
    parts = [second_batch(data_of(tiny_lake, spec, Processes(rank, world))) for rank in range(world)]
    for rank, (x, y) in enumerate(parts):
        assert torch.equal(x, whole_x[rank::world])
        assert torch.equal(y, whole_y[rank::world])


def second_batch(data: TrialData) -> tuple[torch.Tensor, torch.Tensor]:
    patches = data.training()
    _, batch, *_ = patches.epoch(1)
    return patches.prepare(batch, 1, 1)


def test_a_batch_that_is_smaller_than_its_processes_is_refused(
    tiny_lake: Lake, small_spec: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Processes, "current", lambda: Processes(rank=0, world=5))
    with pytest.raises(SpecError, match=r"loop\.batch_size = 4 is not allowed with 5 processes"):
        run_trial(small_spec, tiny_lake, MemoryTracker())


def test_given_weights_are_those_of_the_first_target(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    given = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    spec = small_spec.with_all({"loss.class_weights": given, "data.targets": ["SOD", "FLOE"]})
    assert data_of(tiny_lake, spec).class_weights() == {"SOD": tuple(given)}
    assert data_of(tiny_lake, small_spec).class_weights() == {}


def test_the_longest_side_is_of_val_and_test_scenes(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    scored = [*tiny_lake.catalog().split("val"), *tiny_lake.catalog().split("test")]
    longest = max(max(tiny_lake.scene(record.scene_id).shape(10)) for record in scored)
    assert data_of(tiny_lake, small_spec).longest_side == longest
