"""Pure patches: those to train on obey all rules of the spec, those to score only what makes a patch pure."""

from pathlib import Path

import pytest

from datasets.lake import Lake
from datasets.patches.index_build import build_index
from datasets.patches.patch_rules import PatchRule
from tests.training.data.trials import data_of, patches_of
from training.data.pure_patches import scored_patches, training_patches
from training.evaluation.bins import ScoreKey
from training.loop.epoch import TrainingProgress
from training.spec import TrialSpec
from training.tracking.tracker import MemoryTracker
from training.trial import run_trial


def test_rules_of_training_patches_do_not_change_what_is_scored(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    plain = data_of(tiny_lake, patches_of(small_spec))
    ruled = data_of(tiny_lake, patches_of(small_spec, **{"data.border_distance": 400.0}))
    assert len(training_patches(ruled, 0)) < len(training_patches(plain, 0))
    one, other = scored_patches(plain, plain.scenes.test), scored_patches(ruled, ruled.scenes.test)
    assert one is not None
    assert other is not None
    assert len(one) == len(other) > 0


def test_at_most_so_many_patches_are_drawn_with_the_seed(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    data = data_of(tiny_lake, patches_of(small_spec, **{"data.max_patches": 5}))
    first, again, other = (training_patches(data, seed) for seed in (0, 0, 1))
    assert len(first) == 5
    corners = [
        list(zip(each.scene.tolist(), each.line.tolist(), each.sample.tolist(), strict=True))
        for each in (first, again, other)
    ]
    assert corners[0] == corners[1] != corners[2]


def test_segmentation_is_scored_on_whole_scenes(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    data = data_of(tiny_lake, small_spec)
    assert scored_patches(data, data.scenes.val) is None


@pytest.mark.slow
def test_a_patch_based_epoch_can_be_every_patch_once(tiny_lake: Lake, patch_spec: TrialSpec, tmp_path: Path) -> None:
    spec = patch_spec.with_all({"loop.batches_per_epoch": None, "data.stride": 60, "loop.max_epochs": 1})
    rule = PatchRule(ratio=2, target="SOD", patch_size=24, stride=60)
    patches = len(build_index(tiny_lake, tiny_lake.catalog().split("train"), rule))
    seen: list[TrainingProgress] = []
    run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path, progress=seen.append)
    assert seen[-1].batches == patches // spec.loop.batch_size > 1


@pytest.mark.slow
def test_the_rule_of_training_patches_does_not_change_what_is_scored(
    tiny_lake: Lake, patch_spec: TrialSpec, tmp_path: Path
) -> None:
    spec = patch_spec.with_("loop.max_epochs", 1)
    plain = run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path / "a")
    ruled = run_trial(
        spec.with_all({"data.border_distance": 300.0, "data.max_land": 0.0}),
        tiny_lake,
        MemoryTracker(),
        folder=tmp_path / "b",
    )
    key = ScoreKey("test_patches", "SOD")
    assert sum(map(sum, plain.matrices[key])) == sum(map(sum, ruled.matrices[key]))
    assert plain.metrics["best/val_loss"] != ruled.metrics["best/val_loss"]
