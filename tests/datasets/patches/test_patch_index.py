"""The index as a value: draws, subsets, counts, and its way through Parquet."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.errors import SplitError
from datasets.patches.patch_index import PatchIndex
from tests.datasets.patches.invented_indexes import RULE, identical, index_of, labels


@given(labels, st.integers(0, 200), st.integers(0, 99))
def test_balanced_draws_take_every_class_and_every_patch_equally_often(given: list[int], n: int, seed: int) -> None:
    index = index_of(given)
    rows = index.balanced_rows(np.random.default_rng(seed), n)
    assert rows.shape == (n,)
    drawn = index.label[rows]
    by_class = [int((drawn == label).sum()) for label in sorted(set(given))]
    assert max(by_class) - min(by_class) <= 1
    for label in set(given):
        own = np.flatnonzero(index.label == label)
        mine = rows[drawn == label]
        for start in range(0, mine.size, own.size):  # no patch twice before all had their turn
            turn = mine[start : start + own.size]
            assert np.unique(turn).size == turn.size
    assert (rows == index.balanced_rows(np.random.default_rng(seed), n)).all()


def test_balanced_draws_are_in_random_order() -> None:
    index = index_of([0] * 50 + [3] * 50)
    drawn = index.label[index.balanced_rows(np.random.default_rng(0), 100)]
    assert 30 < int((np.diff(drawn.astype(int)) != 0).sum()) < 70


@given(labels, st.integers(0, 99), st.data())
def test_prefixes_are_nested_and_keep_the_order(given: list[int], seed: int, data: st.DataObject) -> None:
    index = index_of(given)
    sizes = sorted(data.draw(st.lists(st.integers(1, len(given)), min_size=2, max_size=4)))
    parts = [index.prefix(size, seed) for size in sizes]
    assert [len(part) for part in parts] == sizes
    taken = [set(part.line.tolist()) for part in parts]  # lines are unique in `index_of`
    assert all(small <= large for small, large in pairwise(taken))
    assert all((np.diff(part.line) > 0).all() for part in parts)
    assert identical(index.prefix(len(given), seed), index)


def test_prefixes_are_random_by_their_seed() -> None:
    index = index_of([0, 1] * 50)
    assert set(index.prefix(30, 1).line.tolist()) != set(index.prefix(30, 2).line.tolist())
    assert set(index.prefix(30, 1).line.tolist()) != set(range(30))


@pytest.mark.parametrize("n", [0, 5])
def test_a_prefix_that_cannot_be_is_refused(n: int) -> None:
    with pytest.raises(SplitError, match=f"^{n} patches are not possible, allowed are 1 to 4,"):
        index_of([0, 1, 2, 2]).prefix(n, 0)


def test_nothing_can_be_drawn_from_nothing() -> None:
    with pytest.raises(SplitError, match="from an index without patches"):
        index_of([]).balanced_rows(np.random.default_rng(0), 3)


def test_counts_and_weights() -> None:
    index = index_of([0, 0, 0, 2])
    assert index.class_counts.tolist() == [3, 0, 1, 0, 0, 0]
    assert index.absent_classes == ("new_ice", "thin_first_year_ice", "thick_first_year_ice", "old_ice")
    assert index.class_weights.tolist() == [4 / 6, 0, 4 / 2, 0, 0, 0]
    assert index.class_weights[index.label].mean() == pytest.approx(1)
    assert index_of([]).class_weights.tolist() == [0] * 6


def test_subsets_keep_their_scenes_and_are_read_only() -> None:
    index = index_of([0, 1, 2, 2])
    part = index.subset(index.label == 2)
    assert part.line.tolist() == [2, 3]
    assert [part.scene_ids[place] for place in part.scene] == ["scene_1", "scene_2"]
    for values in (index.label, part.line, pickle.loads(pickle.dumps(index)).subset(np.array([1])).sample):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 1


def test_joined_scenes_point_to_their_own() -> None:
    index = index_of([0, 1, 2, 2, 5])
    parts = [
        PatchIndex(
            rule=RULE, scenes=(scene,), scene=np.zeros(scene.patches, np.int32),
            **{name: getattr(index, name)[index.scene == place] for name in ("line", "sample", "label")},
        )
        for place, scene in enumerate(index.scenes)
    ]  # fmt: skip
    assert identical(PatchIndex.joined(parts), index)
    assert identical(PatchIndex.joined([PatchIndex.joined(parts[:2]), parts[2]]), index)
