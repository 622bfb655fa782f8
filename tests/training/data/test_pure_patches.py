"""Pure patches: those to train on obey all rules of the spec, those to score only what makes a patch pure."""

from datasets.lake import Lake
from tests.training.data.trials import data_of, patches_of
from training.data.pure_patches import scored_patches, training_patches
from training.spec import TrialSpec


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
