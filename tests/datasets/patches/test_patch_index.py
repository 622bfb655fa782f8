"""The index as a value: draws, subsets, counts, and its way through Parquet."""

import io
import json
import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.catalog_file import CatalogFile
from datasets.errors import SplitError
from datasets.lake import Lake
from datasets.patches.patch_index import IndexedScene, PatchIndex
from datasets.patches.patch_rules import PatchRule
from datasets.patches.patch_table import decode, encode
from datasets.scene import SceneRecord

RULE = PatchRule(ratio=2, patch_size=8, stride=3)


def index_of(labels: list[int], scenes: int = 3) -> PatchIndex:
    scene = np.sort(np.arange(len(labels)) % scenes).astype(np.int32)
    rows = [
        IndexedScene(
            scene_id=f"scene_{place}", fingerprint=f"f{place}", windows=99, pure=50, clear=50,
            patches=int((scene == place).sum()),
        )
        for place in range(scenes)
    ]  # fmt: skip
    return PatchIndex(
        rule=RULE,
        scenes=tuple(rows),
        scene=scene,
        line=np.arange(len(labels), dtype=np.int32),
        sample=np.arange(len(labels), dtype=np.int32) * 2,
        label=np.array(labels, np.uint8),
    )


def identical(one: PatchIndex, other: PatchIndex) -> bool:
    for name in ("scene", "line", "sample", "label"):
        mine, theirs = getattr(one, name), getattr(other, name)
        if mine.dtype != theirs.dtype or not np.array_equal(mine, theirs):
            return False
    return (one.rule, one.scenes) == (other.rule, other.scenes)


labels = st.lists(st.sampled_from([0, 2, 2, 2, 5]), min_size=1, max_size=40)


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


def records_of(index: PatchIndex, tiny_lake: Lake) -> list[SceneRecord]:
    like = tiny_lake.catalog().records[0]
    return [
        like.model_copy(update={"scene_id": scene.scene_id, "fingerprint": scene.fingerprint}) for scene in index.scenes
    ]


@pytest.mark.parametrize("given", [[], [5], [0, 1, 2, 2, 3, 4, 5]])
def test_parquet_round_trip(tiny_lake: Lake, given: list[int]) -> None:
    index = index_of(given)
    content = encode(index)
    found = decode(content, RULE, records_of(index, tiny_lake))
    assert found is not None
    assert identical(found, index)
    assert encode(found) == content


def test_people_can_read_the_object(tiny_lake: Lake) -> None:
    content = encode(index_of([0, 1, 2, 2]))
    frame = pd.read_parquet(io.BytesIO(content))
    assert list(frame.columns) == ["scene_id", "line", "sample", "label"]
    assert frame.scene_id.tolist() == ["scene_0", "scene_0", "scene_1", "scene_2"]
    metadata = json.loads(pq.read_schema(io.BytesIO(content)).metadata[b"icebench.patch_index"])
    assert metadata["rule"]["patch_size"] == 8
    assert metadata["format"] == 1


def test_what_is_torn_or_of_something_else_is_not_taken(tiny_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    index = index_of([0, 1, 2, 2] * 50)
    records = records_of(index, tiny_lake)
    content = encode(index)
    assert decode(content, RULE, records) is not None
    assert decode(content, RULE.model_copy(update={"stride": 4}), records) is None
    assert decode(content, RULE, records[:2]) is None
    assert decode(content, RULE, records[::-1]) is None
    assert decode(content, RULE, [*records[:2], records[2].model_copy(update={"fingerprint": "new"})]) is None
    for torn in (
        b"",
        b"PAR1",
        content[:-1],
        content[: len(content) // 2],
        b"x" * 500,
        CatalogFile(tiny_lake.catalog(), {}).to_parquet(),
    ):
        assert decode(torn, RULE, records) is None
    with monkeypatch.context() as later:
        later.setattr("datasets.patches.patch_table.FORMAT", 2)
        of_later_code = encode(index)
    assert decode(of_later_code, RULE, records) is None
    fewer = index.subset(np.arange(150))  # rows and scenes of two objects
    assert decode(encode(fewer), RULE, records) is None


def test_a_changed_byte_is_noticed_wherever_it_is(tiny_lake: Lake) -> None:
    index = index_of([0, 1, 2, 2] * 50)
    records = records_of(index, tiny_lake)
    content = encode(index)
    for place in range(0, len(content), 7):
        changed = bytearray(content)
        changed[place] ^= 0x5A
        found = decode(bytes(changed), RULE, records)
        assert found is None or identical(found, index), place
