"""Sums of attributions: they merge in any order, and are divided once."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.lake import Lake
from datasets.loading.batch import Window
from tests.training.attribution.explained import FEATURES, C, K
from training.attribution.assigned import PatchAttributions
from training.attribution.result import rows_of
from training.attribution.run import sums_by_scene
from training.attribution.settings import AttributionError
from training.attribution.sums import AttributionSums, sum_bins


def sums_of(seed: int) -> AttributionSums:
    """Whole numbers, whose float sums are exact."""
    rng = np.random.default_rng(seed)
    wide, narrow = (3, 4), (3,)
    return AttributionSums(
        signed=rng.integers(-1000, 1000, wide).astype(float),
        absolute=rng.integers(0, 1000, wide).astype(float),
        n=rng.integers(0, 100, narrow),
        patches=rng.integers(0, 10, narrow),
        change=rng.integers(-1000, 1000, narrow).astype(float),
        change_size=rng.integers(0, 1000, narrow).astype(float),
        error=rng.integers(0, 1000, narrow).astype(float),
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_sums_merge_in_any_order_and_grouping(seeds: list[int], order: random.Random) -> None:
    zero = AttributionSums.zero(3, 4)
    straight = sum((sums_of(seed) for seed in seeds), start=zero)
    parts = [sums_of(seed) for seed in seeds]
    order.shuffle(parts)
    while len(parts) > 1:
        place = order.randrange(len(parts) - 1)
        parts[place : place + 2] = [parts[place] + parts[place + 1]]
    assert parts[0] == straight
    assert hash(parts[0]) == hash(straight)
    assert straight + zero == straight == zero + straight


def test_a_mean_is_of_all_pixels_and_not_of_patches() -> None:
    one = PatchAttributions(
        signed=np.full((2, 1, 1), 0.0),
        absolute=np.array([[[10.0]], [[900.0]]]),
        counts=np.array([[10], [90]]),
        change=np.zeros((2, 1)),
    )
    sums = sums_by_scene(one, [Window("a", 0, 0), Window("a", 0, 16)], 1)["a"]
    assert sums.per_pixel(sums.absolute)[0, 0] == pytest.approx(9.1)
    assert sums.patches.tolist() == [2]


def test_errors_of_patches_do_not_cancel() -> None:
    found = PatchAttributions(
        signed=np.array([[[3.0, 0.0]], [[-3.0, 0.0]]]),
        absolute=np.zeros((2, 1, 2)),
        counts=np.ones((2, 1), np.int64),
        change=np.array([[2.0], [-2.0]]),
    )
    sums = sums_by_scene(found, [Window("a", 0, 0), Window("a", 0, 16)], 2)["a"]
    assert sums.change[0] == 0.0
    assert sums.completeness_error[0] == pytest.approx(0.5)
    assert np.isnan(AttributionSums.zero(1, 1).completeness_error[0])


def test_scenes_count_in_their_bins(tiny_lake: Lake) -> None:
    record = next(iter(tiny_lake.catalog()))
    scenes = [
        (record.model_copy(update={"scene_id": name, "season": season, "location": "cat1", "cryoseason": None}), own)
        for name, season, own in (("a", "fall", sums_of(1)), ("b", "fall", sums_of(2)), ("c", "winter", sums_of(3)))
    ]
    bins = sum_bins(scenes)
    assert set(bins) == {"all", "season/fall", "season/winter", "location/cat1", "scene/a", "scene/b", "scene/c"}
    assert bins["season/fall"] == sums_of(1) + sums_of(2)
    assert bins["all"] == bins["location/cat1"] == bins["season/fall"] + bins["season/winter"]


def test_a_class_without_pixels_has_no_rows() -> None:
    sums = AttributionSums(
        **{
            **{name: np.ones(K) for name in ("change", "change_size", "error")},
            **{name: np.ones((K, len(FEATURES))) for name in ("signed", "absolute")},
            **{name: np.array([2, 0, 1, 1, 1, 1]) for name in ("n", "patches")},
        }
    )
    rows, completeness = rows_of({"all": sums}, FEATURES, [(0, "water"), (1, "new")], complete=False)
    assert {row.class_name for row in rows} == {"water"}
    assert len(rows) == len(FEATURES)
    assert rows[0].absolute == 0.5
    assert [row.attributed for row in completeness] == [C / 2]
    assert completeness[0].change is completeness[0].error is None


def test_sums_of_other_shapes_are_refused() -> None:
    with pytest.raises(AttributionError, match="do not add up: they are of trials with other channels or charts"):
        AttributionSums.zero(3, 4) + AttributionSums.zero(3, 5)
    with pytest.raises(AttributionError, match="n of attribution sums has shape"):
        AttributionSums(
            **{**{name: getattr(sums_of(0), name) for name in sums_of(0).__dataclass_fields__}, "n": np.zeros(2, int)}
        )
    with pytest.raises(ValueError, match="read-only"):
        sums_of(0).signed[0, 0] = 1.0
