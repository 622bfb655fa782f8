"""What a trial makes of its spec: weights of classes, the longest side of what is scored."""

import pytest
import torch

from datasets.lake import Lake
from datasets.normalize import Normalization
from training.data import TrialData
from training.processes import Processes
from training.scenes import bind, select_scenes
from training.spec import TrialSpec


def data_of(lake: Lake, spec: TrialSpec) -> TrialData:
    spec = bind(spec, lake)
    return TrialData(
        spec=spec,
        lake=lake,
        scenes=select_scenes(spec, lake),
        normalization=Normalization.from_lake(lake, spec.data.channels, spec.data.ratio),
        device=torch.device("cpu"),
        processes=Processes(),
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


def test_given_weights_are_those_of_the_first_target(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    given = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    spec = small_spec.with_all({"loss.class_weights": given, "data.targets": ["SOD", "FLOE"]})
    assert data_of(tiny_lake, spec).class_weights() == {"SOD": tuple(given)}
    assert data_of(tiny_lake, small_spec).class_weights() == {}


def test_the_longest_side_is_of_val_and_test_scenes(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    scored = [*tiny_lake.catalog().split("val"), *tiny_lake.catalog().split("test")]
    longest = max(max(tiny_lake.scene(record.scene_id).shape(10)) for record in scored)
    assert data_of(tiny_lake, small_spec).longest_side == longest
