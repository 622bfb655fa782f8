"""Windows over whole scenes: every labelled sea pixel once."""

from collections import Counter

import numpy as np
import pytest

from datasets.labels import IGNORE
from datasets.lake import Lake
from datasets.loading.batch import Window
from datasets.loading.scene_reader import SceneReader
from datasets.loading.windows import land_pixels
from training.attribution.windows import COUNTED, FlaggedWindows, cover, has_land, sampled


def reader_of(lake: Lake) -> SceneReader:
    return SceneReader(lake, ratio=5, channels=["nersc_sar_primary"], targets=["SIC", "SOD"], cache=None)


@pytest.mark.parametrize("size", [16, 24, 200])
def test_every_labelled_sea_pixel_is_counted_once(tiny_lake: Lake, size: int) -> None:
    reader = reader_of(tiny_lake)
    assert has_land(reader)
    ids = tiny_lake.catalog().split("test").scene_ids
    source = FlaggedWindows(cover(reader, ids, size), patch_size=size, target=1, land=True)
    counted = {name: np.zeros(reader.shape(name), int) for name in ids}
    valid = {name: np.zeros(reader.shape(name), bool) for name in ids}
    for place in range(len(source)):
        (name, line, sample), flags = source.patch(reader, 0, place)
        here = np.s_[line : line + size, sample : sample + size]
        counted[name][here] += flags[0] == COUNTED
        valid[name][here] |= flags[0] != IGNORE
    for name in ids:
        everywhere = slice(0, reader.shape(name)[0]), slice(0, reader.shape(name)[1])
        labelled = reader.labels(name, *everywhere)[1] != IGNORE
        land = land_pixels(reader.land_distance(name, *everywhere))
        np.testing.assert_array_equal(counted[name], (labelled & ~land).astype(int))
        np.testing.assert_array_equal(valid[name], labelled & ~land)


def test_labelled_land_is_left_out(tiny_lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = reader_of(tiny_lake)
    monkeypatch.setattr(
        SceneReader, "labels", lambda self, scene, lines, samples: np.zeros((2, lines.stop, samples.stop), np.uint8)
    )
    zones = np.ones((8, 8), np.float32)
    zones[:4] = 0.0
    monkeypatch.setattr(SceneReader, "land_distance", lambda self, scene, lines, samples: zones)
    name = next(iter(tiny_lake.catalog())).scene_id
    for land, wanted in ((True, 32), (False, 64)):
        source = FlaggedWindows([Window(name, 0, 0)], patch_size=8, target=0, land=land)
        _, flags = source.patch(reader, 0, 0)
        assert (flags == COUNTED).sum() == wanted


def test_a_sample_has_so_many_patches_of_every_scene() -> None:
    windows = [Window(name, line, 0) for name in "abc" for line in range({"a": 2, "b": 5, "c": 9}[name])]
    few = sampled(windows, 3, seed=0)
    assert Counter(window.scene_id for window in few) == {"a": 2, "b": 3, "c": 3}
    assert few == sorted(few)
    assert few == sampled(windows, 3, seed=0) != sampled(windows, 3, seed=1)
    alone = sampled([window for window in windows if window.scene_id == "c"], 3, seed=0)
    assert alone == [window for window in few if window.scene_id == "c"], "other scenes do not change the draw"
