"""Batches cut out of scenes that lie on a device: the very numbers that a loader reads."""

import numpy as np
import pytest
import torch

from datasets.channels import INPUTS
from datasets.lake import Lake
from datasets.loading.batch import Window, read_batch
from datasets.loading.gather import Gathered, count_pixels
from datasets.loading.places import Places
from datasets.loading.resident import ResidentScenes
from datasets.loading.scene_reader import SceneReader
from tests.reading import CPU, TARGETS, reader_of


def resident(reader: SceneReader, **options: object) -> ResidentScenes:
    scenes = ResidentScenes(reader, reader.lake.catalog().split("train").scene_ids, CPU, **options)  # type: ignore[arg-type]
    scenes.load(2)
    return scenes


def windows_of(scenes: ResidentScenes, size: int) -> list[Window]:
    """The corners of every scene and a place inside; where a scene is smaller than the window, its only one."""
    found = []
    for scene_id, shape in zip(scenes.scene_ids, scenes.shapes.tolist(), strict=True):
        most = [max(length - size, 0) for length in shape]
        found += [Window(scene_id, line, sample) for line in (0, most[0]) for sample in (0, most[1])]
        found.append(Window(scene_id, most[0] // 2, most[1] // 3))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [2, 10])
@pytest.mark.parametrize("size", [48, 4000])
@pytest.mark.parametrize("channels", [INPUTS, ("t2m",), ("nersc_sar_primary",), ("sar_longitude", "distance_map")])
def test_gathered_batches_are_those_of_a_loader(
    tiny_lake: Lake, ratio: int, size: int, channels: tuple[str, ...]
) -> None:
    reader = SceneReader(tiny_lake, ratio=ratio, channels=channels, targets=TARGETS, cache=None)
    scenes = resident(reader)
    size = min(size, 2 * int(scenes.shapes.min()))
    windows = windows_of(scenes, size)
    gathered = Gathered(scenes, Places.of(scenes, windows, (size, size)))
    for rows in (slice(0, 3), slice(3, len(windows)), slice(1, 2)):
        batch = gathered.batch(rows)
        y = np.full((len(batch.windows), len(TARGETS), size, size), 255, np.uint8)
        for own, window in zip(y, batch.windows, strict=True):
            labels = reader.labels(
                window.scene_id, slice(window.line, window.line + size), slice(window.sample, window.sample + size)
            )
            own[:, : labels.shape[1], : labels.shape[2]] = labels
        wanted = read_batch(reader, windows[rows], (size, size), y)
        assert batch.windows == wanted.windows
        assert (batch.sar_unit, batch.sar_fill) == (wanted.sar_unit, wanted.sar_fill)
        for name, gave, read in zip(batch._fields, batch.tensors, wanted.tensors, strict=False):
            assert gave.dtype == read.dtype, name
            torch.testing.assert_close(gave, read, rtol=0, atol=0, equal_nan=True, msg=name)


def test_what_a_rule_asks_of_a_window_is_counted(tiny_lake: Lake) -> None:
    reader = reader_of(tiny_lake)
    scenes, size = resident(reader, border_distance=400.0, land=True), 48
    windows = windows_of(scenes, size)
    counts = count_pixels(scenes, Places.of(scenes, windows, (size, size)), land=True)
    for window, (known, land) in zip(windows, counts.tolist(), strict=True):
        part = (window.scene_id, slice(window.line, window.line + size), slice(window.sample, window.sample + size))
        near = ~(reader.border_distance(*part) >= 400.0)
        assert known == np.count_nonzero((reader.labels(*part) != 255).any(axis=0) & ~near)
        assert land == np.count_nonzero(reader.land_distance(*part) < 0.5)
    assert counts[:, 0].any()
    assert counts[:, 1].any()
    assert not count_pixels(scenes, Places.of(scenes, windows, (size, size)), land=False)[:, 1].any()


def test_a_resident_set_is_as_large_as_it_says(tiny_lake: Lake) -> None:
    scenes = resident(reader_of(tiny_lake))
    pixels = sum(int(np.prod(shape)) for shape in scenes.shapes)
    assert scenes.nbytes == scenes.sar.nbytes + scenes.zones.nbytes + scenes.labels.nbytes == pixels * (2 * 2 + 1 + 2)
