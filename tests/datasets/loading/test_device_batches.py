"""Batches of resident scenes: the very batches that a loader makes, whatever rules choose the patches."""

from collections.abc import Iterable

import pytest
import torch

import datasets.patches.crops
from datasets.errors import SplitError
from datasets.lake import Lake
from datasets.loading import device_batches
from datasets.loading.batch import Batch
from datasets.loading.batches import BatchDataset, BatchLoader, PatchSource
from datasets.loading.device_batches import DeviceBatches
from datasets.loading.gather import count_pixels
from datasets.loading.places import Places
from datasets.loading.resident import ResidentScenes
from datasets.loading.scene_reader import SceneReader
from datasets.patches.class_anchors import ClassAnchors
from datasets.patches.crops import RandomCrops
from datasets.patches.index_build import build_index
from datasets.patches.indexed_patches import IndexedPatches
from datasets.patches.patch_rules import PatchRule
from tests.reading import CPU, reader_of


def same(first: Batch, second: Batch) -> bool:
    pairs = zip(first.tensors, second.tensors, strict=True)
    return (
        list(first.windows) == list(second.windows)
        and first.sar_unit == second.sar_unit
        and all(own.dtype == other.dtype and torch.equal(own.nan_to_num(), other.nan_to_num()) for own, other in pairs)
    )


def all_same(made: Iterable[Batch], wanted: Iterable[Batch]) -> bool:
    return all(same(own, other) for own, other in zip(made, wanted, strict=True))


def crops(reader: SceneReader, **rules: float | int | None) -> RandomCrops:
    options: dict[str, object] = {"patch_size": 48, "max_masked": 0.3, "length": 24, "seed": 5, **rules}
    return RandomCrops(reader.lake.catalog().split("train").scene_ids, **options)  # type: ignore[arg-type]


def resident(reader: SceneReader, source: PatchSource, **options: object) -> ResidentScenes:
    scenes = ResidentScenes(reader, reader.lake.catalog().split("train").scene_ids, CPU, **options)  # type: ignore[arg-type]
    scenes.load(1)
    return scenes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rules", "options"),
    [
        ({}, {}),
        ({"max_masked": 1.0}, {}),
        ({"max_masked": 0.02}, {}),
        ({"max_land": 0.01}, {"land": True}),
        ({"max_masked": 0.6, "border_distance": 400.0}, {"border_distance": 400.0}),
        ({"pool": 7}, {}),
        ({"patch_size": 260, "max_masked": 0.8}, {}),
    ],
    ids=str,
)
def test_the_device_gives_the_batches_of_a_loader(
    tiny_lake: Lake,
    rules: dict[str, float],
    options: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = reader_of(tiny_lake)
    source = crops(reader, **rules)
    scenes = resident(reader, source, **options)
    for per_block, rank, world in ((32, 0, 1), (1, 1, 3)):
        monkeypatch.setattr(device_batches, "_MOST_BATCHES", per_block)
        place = {"batch_size": 10, "rank": rank, "world": world}
        loader = BatchLoader(BatchDataset(reader, source, **place))  # type: ignore[arg-type]
        device = DeviceBatches(scenes, source, **place)  # type: ignore[arg-type]
        assert len(device) == len(loader) == 2
        assert all_same(device.epoch(4), loader.epoch(4))


@pytest.mark.slow
@pytest.mark.parametrize("max_masked", [0.3, 0.02])
def test_crops_for_every_class_are_the_same_on_both_feeds(tiny_lake: Lake, max_masked: float) -> None:
    reader = reader_of(tiny_lake)
    rule = PatchRule(ratio=2, patch_size=6, stride=6)
    anchors = ClassAnchors(build_index(tiny_lake, tiny_lake.catalog().split("train"), rule))
    scene_ids = tiny_lake.catalog().split("train").scene_ids
    source = RandomCrops(scene_ids, patch_size=48, max_masked=max_masked, length=24, seed=5, anchors=anchors)
    loader = BatchLoader(BatchDataset(reader, source, batch_size=8))
    assert all_same(DeviceBatches(resident(reader, source), source, batch_size=8).epoch(2), loader.epoch(2))


@pytest.mark.parametrize(("rules", "asked"), [({}, False), ({"max_land": 0.5}, True)])
def test_land_is_counted_only_for_a_rule(
    tiny_lake: Lake, rules: dict[str, float], asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zones of land lie there for their channel too."""
    seen = set[bool]()

    def counted(scenes: ResidentScenes, places: Places, *, land: bool) -> torch.Tensor:
        seen.add(land)
        return count_pixels(scenes, places, land=land)

    monkeypatch.setattr(device_batches, "count_pixels", counted)
    reader = reader_of(tiny_lake)
    source = crops(reader, **rules)
    next(DeviceBatches(resident(reader, source), source, batch_size=10).epoch(0))
    assert seen == {asked}


@pytest.mark.parametrize("balanced", [False, True])
def test_pure_patches_come_with_their_classes(tiny_lake: Lake, balanced: bool) -> None:
    reader = reader_of(tiny_lake)
    rule = PatchRule(ratio=2, target="SOD", patch_size=24, stride=20)
    index = build_index(tiny_lake, tiny_lake.catalog().split("train"), rule)
    source = IndexedPatches(index, length=40, balanced=balanced, seed=3)
    scenes = resident(reader, source, charts=False)
    assert not scenes.labels.numel()
    loader = BatchLoader(BatchDataset(reader, source, batch_size=16))
    assert all_same(DeviceBatches(scenes, source, batch_size=16).epoch(1), loader.epoch(1))


@pytest.mark.slow
def test_processes_that_draw_ahead_change_nothing(tiny_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_batches, "_MOST_BATCHES", 1)
    reader = reader_of(tiny_lake)
    source = crops(reader)
    scenes = resident(reader, source)
    alone, drawn = (DeviceBatches(scenes, source, batch_size=8, workers=workers) for workers in (0, 2))
    for epoch in (0, 1):
        assert all_same(alone.epoch(epoch), drawn.epoch(epoch))


def test_no_good_window_is_one_sentence(tiny_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.patches.crops, "_TRIES", 20)
    reader = reader_of(tiny_lake)
    source = crops(reader, max_land=0.0, max_masked=0.0, patch_size=150)
    batches = DeviceBatches(resident(reader, source, land=True), source, batch_size=8)
    with pytest.raises(SplitError, match=r"no window of 150 pixels .* in 20 draws"):
        next(batches.epoch(0))
