"""Crops that are drawn for a class: every class as often as any other, however rare its pixels are."""

import pickle
from collections import Counter

import numpy as np
import pytest

from datasets.errors import SplitError
from datasets.lake import Lake
from datasets.loading.scene_reader import SceneReader
from datasets.patches import class_anchors
from datasets.patches.class_anchors import ClassAnchors
from datasets.patches.crops import RandomCrops
from datasets.patches.index_build import build_index
from datasets.patches.patch_index import IndexedScene, PatchIndex
from datasets.patches.patch_rules import PatchRule
from tests.reading import reader_of

SIDE, SIZE = 6, 48


@pytest.fixture(scope="module")
def anchors(tiny_lake: Lake) -> ClassAnchors:
    rule = PatchRule(ratio=2, patch_size=SIDE, stride=SIDE)
    return ClassAnchors(build_index(tiny_lake, tiny_lake.catalog().split("train"), rule))


def crops(lake: Lake, anchors: ClassAnchors | None, **rules: object) -> RandomCrops:
    options: dict[str, object] = {"patch_size": SIZE, "max_masked": 0.3, "length": 300, "seed": 5, **rules}
    return RandomCrops(lake.catalog().split("train").scene_ids, anchors=anchors, **options)  # type: ignore[arg-type]


def drawn(source: RandomCrops, reader: SceneReader) -> list[np.ndarray]:
    return [source.patch(reader, 0, place)[1][0] for place in range(len(source))]


def shares(labels: list[np.ndarray]) -> np.ndarray:
    counts = np.bincount(np.concatenate([each.ravel() for each in labels]), minlength=256)[:6]
    return counts / counts.sum()


def test_every_drawn_crop_holds_a_square_of_its_class(tiny_lake: Lake, anchors: ClassAnchors) -> None:
    reader, rng = reader_of(tiny_lake), np.random.default_rng(0)
    for number in range(120):
        label = anchors.classes[number % len(anchors.classes)]
        scene_id, line, sample = anchors.draw(rng, label, reader.shape, SIZE)
        chart = reader.labels(scene_id, slice(line, line + SIZE), slice(sample, sample + SIZE))[0]
        assert chart.shape == tuple(min(SIZE, length) for length in reader.shape(scene_id))
        squares = np.lib.stride_tricks.sliding_window_view(chart == label, (SIDE, SIDE))
        assert squares.all(axis=(2, 3)).any()


def test_rare_classes_are_met_as_often_as_common_ones(tiny_lake: Lake, anchors: ClassAnchors) -> None:
    reader = reader_of(tiny_lake)
    plain, balanced = (drawn(crops(tiny_lake, each), reader) for each in (None, anchors))
    classes = len(anchors.classes)
    met = {label: np.mean([(chart == label).any() for chart in balanced]) for label in anchors.classes}
    assert min(met.values()) > 1 / classes - 0.06  # each is drawn for one crop in `classes`, and in others by chance
    rarest = min(anchors.classes, key=lambda label: shares(plain)[label])
    assert shares(balanced)[rarest] > 1.5 * shares(plain)[rarest]
    assert np.ptp(shares(balanced)[list(anchors.classes)]) < np.ptp(shares(plain)[list(anchors.classes)])


def test_crops_follow_from_seed_epoch_and_place_only(tiny_lake: Lake, anchors: ClassAnchors) -> None:
    reader = reader_of(tiny_lake)
    source, again = crops(tiny_lake, anchors), pickle.loads(pickle.dumps(crops(tiny_lake, anchors)))
    windows = [source.patch(reader, 3, place)[0] for place in range(20)]
    assert [again.patch(reader, 3, place)[0] for place in reversed(range(20))] == windows[::-1]
    assert [crops(tiny_lake, anchors, seed=6).patch(reader, 3, place)[0] for place in range(20)] != windows
    assert [source.patch(reader, 4, place)[0] for place in range(20)] != windows
    pool = crops(tiny_lake, anchors, pool=3)
    assert len({pool.patch(reader, epoch, place)[0] for epoch in range(2) for place in range(20)}) == 3


def test_a_class_that_no_good_crop_holds_gives_way_to_another(tiny_lake: Lake, anchors: ClassAnchors) -> None:
    source, reader = crops(tiny_lake, anchors), reader_of(tiny_lake)
    tried = list(zip(range(100), source.candidates(reader.shape, 0, 0), strict=False))
    assert len(tried) == 100
    none = crops(tiny_lake, anchors, patch_size=400, max_masked=0.0)
    with pytest.raises(SplitError, match="in 1000 draws"):
        none.patch(reader, 0, 0)


def index_of(labels: list[int], scenes: list[int]) -> PatchIndex:
    rows = [IndexedScene(scene_id=name, fingerprint="f", windows=9, pure=9, clear=9, patches=9) for name in "abc"]
    return PatchIndex(
        rule=PatchRule(ratio=2, patch_size=2, stride=2),
        scenes=tuple(rows),
        scene=np.array(scenes, np.int32),
        line=np.arange(len(labels), dtype=np.int32) * 2,
        sample=np.zeros(len(labels), np.int32),
        label=np.array(labels, np.uint8),
    )


def test_scenes_of_a_class_are_drawn_alike_whatever_they_have_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_anchors, "_MOST", 4)
    found = ClassAnchors(index_of([0] * 50 + [3] * 20 + [3], [0] * 50 + [1] * 20 + [2]))
    assert found.classes == (0, 3)
    assert "new_ice" in found.absent
    rng = np.random.default_rng(1)
    windows = [found.draw(rng, 3, lambda _: (200, 2), 2) for _ in range(400)]
    counts = Counter(window.scene_id for window in windows)
    assert counts.keys() == {"b", "c"}
    assert abs(counts["b"] - 200) < 50
    assert {window.line for window in windows if window.scene_id == "b"} == {100, 110, 120, 130}
    assert {window.line for window in windows if window.scene_id == "c"} == {140}
