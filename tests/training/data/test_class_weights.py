"""Weights of classes: alike over what a trial trains on, pixels or patches."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from datasets.lake import Lake
from datasets.patches.index_build import build_index
from datasets.patches.patch_rules import PatchRule
from tests.training.data.trials import data_of, patches_of
from training.data.class_weights import balanced_weights, class_weights
from training.data.training_batches import TrainingBatches, patch_source
from training.data.trial_data import TrialData
from training.loop.processes import Processes
from training.spec import TrialSpec


def weights_of(data: TrialData) -> Mapping[str, Sequence[float]]:
    return class_weights(data.spec, data.scenes.train, patch_source(data))


def test_balanced_weights_average_one_over_the_pixels() -> None:
    pixels = {0: 900, 1: 90, 2: 10, 255: 5000}
    weights = balanced_weights(pixels, 6)
    assert weights[3:] == (0.0, 0.0, 0.0)
    assert sum(weights[c] * pixels[c] for c in range(3)) == pytest.approx(1000)
    assert weights[0] * 900 == pytest.approx(weights[2] * 10), "every class pulls alike"


def test_balanced_classes_pull_alike_over_the_training_scenes(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    spec = small_spec.with_all({"loss.class_weights": "balanced", "data.targets": ["SOD", "FLOE"]})
    weights = weights_of(data_of(tiny_lake, spec))
    assert weights.keys() == {"SOD", "FLOE"}
    train = tiny_lake.catalog().split("train")
    for name, own in weights.items():
        pixels = [sum(record.pixels[name].get(value, 0) for record in train) for value in range(len(own))]
        pulls = {round(weight * count) for weight, count in zip(own, pixels, strict=True) if count}
        assert max(pulls) - min(pulls) <= 1
        assert sum(weight * count for weight, count in zip(own, pixels, strict=True)) == pytest.approx(sum(pixels))


def test_balanced_classes_of_patches_pull_alike_over_the_patches_that_are_drawn(
    tiny_lake: Lake, small_spec: TrialSpec
) -> None:
    rule = PatchRule(ratio=2, target="SOD", patch_size=24, stride=12, border_distance=400.0)
    counts = build_index(tiny_lake, tiny_lake.catalog().split("train"), rule).class_counts
    present = counts > 0
    data = data_of(tiny_lake, patches_of(small_spec, **{"data.border_distance": 400.0}))
    weights = np.array(weights_of(data)["SOD"])
    assert weights * counts == pytest.approx(np.where(present, counts.sum() / present.sum(), 0.0))
    assert len({*counts[present].tolist()}) > 1, "so that weights of one class cannot stand for another"


def test_classes_that_are_drawn_equally_often_are_not_balanced_twice(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    data = data_of(tiny_lake, patches_of(small_spec, **{"data.balanced": True}))
    weights = weights_of(data)["SOD"]
    assert set(weights) <= {0.0, 1.0}
    drawn = [
        int(label)
        for batch in TrainingBatches(data, patch_source(data), Processes(), 0).epoch(0)
        for label in batch.y[:, 0]
    ]
    assert all(weights[label] == 1.0 for label in drawn)


def test_given_weights_are_those_of_the_first_target(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    given = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    spec = small_spec.with_all({"loss.class_weights": given, "data.targets": ["SOD", "FLOE"]})
    assert weights_of(data_of(tiny_lake, spec)) == {"SOD": tuple(given)}
    assert weights_of(data_of(tiny_lake, small_spec)) == {}
