"""Epochs over a patch index: every patch once or every class equally often, the same in every process."""

from collections import Counter

import numpy as np
import pytest

from datasets.lake import Lake
from datasets.loading.batch import Window
from datasets.loading.batches import BatchDataset
from datasets.patches.index_build import build_index
from datasets.patches.indexed_patches import IndexedPatches
from datasets.patches.patch_index import PatchIndex
from datasets.patches.patch_rules import PatchRule
from tests.reading import reader_of


@pytest.fixture(scope="module")
def index(tiny_lake: Lake) -> PatchIndex:
    rule = PatchRule(ratio=2, target="SOD", patch_size=24, stride=20)
    found = build_index(tiny_lake, tiny_lake.catalog().split("train"), rule)
    assert np.count_nonzero(found.class_counts) > 1
    return found


def epoch_of(source: IndexedPatches, lake: Lake, epoch: int) -> list[tuple[Window, int]]:
    reader = reader_of(lake)
    patches = (source.patch(reader, epoch, place) for place in range(len(source)))
    return [(window, int(label[0])) for window, label in patches]


def test_every_patch_comes_once_an_epoch_in_an_order_of_its_own(tiny_lake: Lake, index: PatchIndex) -> None:
    source = IndexedPatches(index, length=None, balanced=False, seed=3)
    first, second = (epoch_of(source, tiny_lake, epoch) for epoch in (0, 1))
    rows = {
        (Window(index.scene_ids[scene], int(line), int(sample)), int(label))
        for scene, line, sample, label in zip(index.scene, index.line, index.sample, index.label, strict=True)
    }
    assert len(first) == len(rows) == len(index)
    assert set(first) == set(second) == rows
    assert first != second
    again = IndexedPatches(index, length=None, balanced=False, seed=3)
    assert epoch_of(again, tiny_lake, 1) == second
    other = IndexedPatches(index, length=None, balanced=False, seed=4)
    assert epoch_of(other, tiny_lake, 1) != second


def test_a_longer_epoch_repeats_no_patch_before_all_had_their_turn(tiny_lake: Lake, index: PatchIndex) -> None:
    source = IndexedPatches(index, length=2 * len(index) + 5, balanced=False, seed=0)
    counts = Counter(window for window, _ in epoch_of(source, tiny_lake, 0))
    assert set(counts.values()) == {2, 3}
    assert sum(count == 3 for count in counts.values()) == 5


def test_balanced_epochs_have_every_class_equally_often(tiny_lake: Lake, index: PatchIndex) -> None:
    source = IndexedPatches(index, length=60, balanced=True, seed=0)
    counts = Counter(label for _, label in epoch_of(source, tiny_lake, 0))
    assert counts.keys() == set(np.flatnonzero(index.class_counts).tolist())
    assert max(counts.values()) - min(counts.values()) <= 1


def test_without_a_seed_the_order_is_that_of_the_index(tiny_lake: Lake, index: PatchIndex) -> None:
    found = epoch_of(IndexedPatches(index, length=None, balanced=False, seed=None), tiny_lake, 0)
    assert [label for _, label in found] == index.label.tolist()


def test_the_chart_under_a_patch_is_its_class_alone(tiny_lake: Lake, index: PatchIndex) -> None:
    batch = BatchDataset(reader_of(tiny_lake), IndexedPatches(index, length=8, balanced=True, seed=0), batch_size=8)[0]
    assert batch.y.shape == (8, 1)
    for (scene_id, line, sample), label in zip(batch.windows, batch.y[:, 0].tolist(), strict=True):
        chart = tiny_lake.scene(scene_id).whole(2, ["SOD"])["SOD"]
        assert set(np.unique(chart[line : line + 24, sample : sample + 24]).tolist()) == {label}
