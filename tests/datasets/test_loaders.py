"""Crops and whole scenes: right pixels, right place of the 2 km grid, and nothing random but by seed."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from datasets.channels import INPUTS
from datasets.errors import SplitError
from datasets.grids import centres, interpolate, km2_index
from datasets.lake import Lake
from datasets.loaders import CropDataset, crop_loader, load_chart, load_scene, sample_km2
from datasets.normalize import Normalization


def crops(lake: Lake, **changes: object) -> CropDataset:
    ratio = int(str(changes.pop("ratio", 2)))
    channels = changes.pop("channels", INPUTS)
    options: dict[str, object] = {
        "ratio": ratio,
        "channels": channels,
        "target": "SOD",
        "patch_size": 48,
        "max_masked": 0.3,
        "length": 12,
        "seed": 5,
        "normalization": Normalization.from_lake(lake, channels, ratio),  # type: ignore[arg-type]
    }
    return CropDataset(lake, lake.catalog().split("train").scene_ids, **(options | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("ratio", [1, 2, 5, 10])
def test_km2_fields_are_met_at_the_true_centre_of_each_pixel(ratio: int) -> None:
    """A field that is its own position must be read back as the position, sub-cell offset included."""
    lines_2km, samples_2km = np.meshgrid(np.arange(20) * 50 + 24.5, np.arange(21) * 50 + 24.5, indexing="ij")
    lines, samples = slice(3, 37), slice(11, 40)
    for field, window, axis in ((lines_2km, lines, 0), (samples_2km, samples, 1)):
        found = sample_km2(field.astype(np.float32), lines, samples, ratio)
        expected = np.clip(np.arange(window.start, window.stop) * ratio + (ratio - 1) / 2, 24.5, field.max())
        along = np.expand_dims(expected, 1 - axis)
        np.testing.assert_allclose(found, np.broadcast_to(along, found.shape), atol=1e-3)


def test_interpolation_holds_the_ends_and_ignores_a_missing_neighbour() -> None:
    values = np.array([1.0, 3.0, np.nan])
    index = km2_index(centres(0, 200, 1))
    found = interpolate(values, index, 0)
    assert found[0] == 1.0
    assert found[24] == pytest.approx(1.0, abs=0.05)
    assert interpolate(values, np.array([1.0]), 0)[0] == 3.0
    assert np.isnan(interpolate(values, np.array([1.5]), 0)[0])


def test_a_crop_is_a_window_of_the_whole_scene(tiny_lake: Lake) -> None:
    """Crop and whole scene agree in every channel, so training and evaluation see the same inputs."""
    dataset = crops(tiny_lake)
    normalization = Normalization.from_lake(tiny_lake, INPUTS, 2)
    scenes = [
        load_scene(tiny_lake, scene_id, ratio=2, channels=INPUTS, target="SOD", normalization=normalization)
        for scene_id in dataset.scene_ids
    ]
    for index in range(4):
        x, y = dataset[index]
        assert x.dtype == torch.float32
        assert y.dtype == torch.int64
        assert x.shape == (16, 48, 48)
        assert torch.isfinite(x).all()
        matches = 0
        for scene in scenes:
            place = np.argwhere(scene.x[0, :-47, :-47].numpy() == float(x[0, 0, 0]))
            for line, sample in place:
                window = scene.x[:, line : line + 48, sample : sample + 48]
                if window.shape == x.shape and torch.allclose(window, x, atol=1e-5):
                    matches += 1
                    np.testing.assert_array_equal(scene.y[line : line + 48, sample : sample + 48], y.numpy())
        assert matches >= 1


def test_inputs_are_normalized_over_the_training_scenes(tiny_lake: Lake) -> None:
    normalization = Normalization.from_lake(tiny_lake, INPUTS, 2)
    train = tiny_lake.catalog().split("train")
    pixels = np.concatenate(
        [tiny_lake.scene(row.scene_id).open(2).nersc_sar_primary.values.ravel() for row in train]
    ).astype(np.float64)
    place = INPUTS.index("nersc_sar_primary")
    assert normalization.mean[place] == pytest.approx(np.nanmean(pixels), rel=1e-6)
    assert normalization.std[place] == pytest.approx(np.nanstd(pixels), rel=1e-5)
    assert normalization.apply("month", np.array([10.0]))[0] == pytest.approx(1.0)
    assert normalization.apply("t2m", np.array([np.nan])).tolist() == [0.0]


def test_crops_depend_on_seed_epoch_and_place_only(tiny_lake: Lake) -> None:
    dataset = crops(tiny_lake)
    first = [x for x, _ in crop_loader(dataset, batch_size=4, epoch=1)]
    again = [x for x, _ in crop_loader(pickle.loads(pickle.dumps(dataset)), batch_size=4, epoch=1)]
    other_epoch = [x for x, _ in crop_loader(dataset, batch_size=4, epoch=2)]
    other_seed = [x for x, _ in crop_loader(crops(tiny_lake, seed=6), batch_size=4, epoch=1)]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other_epoch, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other_seed, strict=True))
    assert len({x.numpy().tobytes() for batch in first for x in batch}) == 12


@pytest.mark.slow
def test_spawned_workers_load_the_same_crops(tiny_lake: Lake) -> None:
    dataset = crops(tiny_lake)
    alone = list(crop_loader(dataset, batch_size=4, epoch=0))
    spawned = list(crop_loader(dataset, batch_size=4, epoch=0, workers=2))
    assert all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in zip(alone, spawned, strict=True))


def test_at_most_the_allowed_share_is_masked(tiny_lake: Lake) -> None:
    shares = [float((y == 255).float().mean()) for _, y in (crops(tiny_lake, max_masked=0.1)[k] for k in range(12))]
    assert max(shares) <= 0.1


def test_a_scene_smaller_than_the_patch_is_padded_without_labels(tiny_lake: Lake) -> None:
    x, y = crops(tiny_lake, ratio=10, patch_size=64, max_masked=0.9)[0]
    assert x.shape == (16, 64, 64)
    assert (y[-1] == 255).all()
    assert (x[:, -1] == 0).all()


def test_no_window_within_the_rule_is_an_error_not_a_loop(tiny_lake: Lake) -> None:
    with pytest.raises(SplitError, match=r"no window of 200 pixels with at most 0% unlabelled"):
        crops(tiny_lake, ratio=10, patch_size=200, max_masked=0.0)[0]


def test_scenes_without_labels_are_refused(tiny_lake: Lake) -> None:
    dataset = crops(tiny_lake)
    with pytest.raises(SplitError, match="none of 0 training scenes has a label in SOD"):
        CropDataset(
            tiny_lake,
            [],
            ratio=2,
            channels=INPUTS,
            target="SOD",
            patch_size=48,
            max_masked=0.3,
            length=4,
            seed=0,
            normalization=dataset._reader_arguments[3],
        )
    with pytest.raises(ValueError, match="normalization is of"):
        crops(tiny_lake, normalization=replace(dataset._reader_arguments[3], channels=("t2m",)))


def test_chart_of_another_ratio(tiny_lake: Lake) -> None:
    record = tiny_lake.catalog().records[0]
    chart = load_chart(tiny_lake, record.scene_id, ratio=5, target="FLOE")
    assert chart.shape == (record.lines // 5, record.samples // 5)
    assert chart.dtype == np.uint8
