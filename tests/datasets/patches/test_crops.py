"""Patches that are drawn anywhere in the training scenes, within the rules of a trial."""

import numpy as np
import pytest

from datasets.errors import SplitError
from datasets.lake import Lake
from datasets.loading.batch import Window
from datasets.stores.packing import ZONES
from tests.reading import assembler_of, batches_of, reader_of


@pytest.mark.slow
def test_at_most_the_allowed_share_is_masked(tiny_lake: Lake) -> None:
    dataset = batches_of(reader_of(tiny_lake), max_masked=0.1)
    for index in range(3):
        unlabelled = (dataset[index].y == 255).all(dim=1)
        assert unlabelled.float().mean(dim=(1, 2)).max() <= 0.1


def test_pixels_near_a_polygon_border_are_unlabelled_when_asked(tiny_lake: Lake) -> None:
    reader = reader_of(tiny_lake)
    batch = batches_of(reader, border_distance=400.0, max_masked=0.9)[0]
    hidden = 0
    for row, (scene_id, line, sample) in enumerate(batch.windows):
        window = tiny_lake.scene(scene_id).open(2).isel(line=slice(line, line + 48), sample=slice(sample, sample + 48))
        near = ~(window.distance_to_border.values >= 400.0)
        expected = np.where(near, 255, window.SOD.values)
        np.testing.assert_array_equal(batch.y[row, 0], expected)
        hidden += int((near & (window.SOD.values != 255)).sum())
    assert hidden > 0, "the rule had something to hide"


@pytest.mark.slow
def test_patches_with_too_much_land_are_not_drawn(tiny_lake: Lake) -> None:
    reader = reader_of(tiny_lake)

    def land(dataset: object) -> list[float]:
        return [
            float((tiny_lake.scene(w.scene_id).open(2).distance_map.values < 0.5)[
                w.line : w.line + 48, w.sample : w.sample + 48
            ].mean())
            for index in range(3)
            for w in dataset[index].windows  # type: ignore[index]
        ]  # fmt: skip

    assert max(land(batches_of(reader, max_masked=0.95))) > 0.2, "without the rule some touch land"
    assert max(land(batches_of(reader, max_masked=0.95, max_land=0.05))) <= 0.05


def test_a_scene_smaller_than_the_patch_is_padded_without_labels(tiny_lake: Lake) -> None:
    reader = reader_of(tiny_lake, ratio=10)
    batch = batches_of(reader, patch_size=64, max_masked=0.9)[0]
    assert (batch.y[:, :, -1] == 255).all()
    assert (batch.sar[:, :, -1] == batch.sar_fill).all()
    assert (batch.zones[:, :, -1] == ZONES.fill).all()
    assert (batch.lines[:, -1] == 0).all()
    assert not (batch.sar[:, 1, 20] == batch.sar_fill).all(), "the scene itself is there"
    assert (assembler_of(reader)(batch)[:, :6, -1] == 0).all()


@pytest.mark.slow
def test_no_window_within_the_rule_is_an_error_not_a_loop(tiny_lake: Lake) -> None:
    with pytest.raises(SplitError, match=r"no window of 200 pixels with at most 0% unlabelled and 100% land"):
        batches_of(reader_of(tiny_lake, ratio=10), patch_size=200, max_masked=0.0)[0]
    far = r"100% land, 90000 m from any border was found .* smaller data.patch_size or data.border_distance, or"
    with pytest.raises(SplitError, match=far):
        batches_of(reader_of(tiny_lake, ratio=10), max_masked=0.9, border_distance=90_000.0)[0]


@pytest.mark.slow
def test_crops_of_a_pool_are_inside_every_larger_pool(tiny_lake: Lake) -> None:
    reader = reader_of(tiny_lake)

    def windows(pool: int) -> set[Window]:
        data = batches_of(reader, pool=pool, length=64)
        return {
            window for epoch in range(3) for b in range(len(data)) for window in data[epoch * len(data) + b].windows
        }

    assert len(windows(1)) == 1
    assert windows(4) < windows(16)
    assert (len(windows(4)), len(windows(16))) == (4, 16)


def test_no_scene_is_an_error(tiny_lake: Lake) -> None:
    with pytest.raises(SplitError, match="there is no training scene"):
        batches_of(reader_of(tiny_lake), scenes=[])
