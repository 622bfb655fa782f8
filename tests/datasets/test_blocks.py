"""Blocks of a scene against plain loops over all its pixels."""

import numpy as np
import pytest

from datasets import blocks
from datasets.blocks import mean_blocks, most_frequent_blocks
from datasets.labels import SOD
from datasets.lake import Lake


@pytest.mark.parametrize("strip", [1, 1 << 23])
def test_blocks_are_those_of_the_whole_scene(tiny_lake: Lake, monkeypatch: pytest.MonkeyPatch, strip: int) -> None:
    monkeypatch.setattr(blocks, "_STRIP_PIXELS", strip)
    scene = tiny_lake.scene(tiny_lake.catalog().scene_ids[0])
    factor = 7
    sar = mean_blocks(scene, 2, "nersc_sar_primary", factor)
    classes = most_frequent_blocks(scene, 2, "SOD", factor, SOD.n_classes)
    lines, samples = scene.shape(2)
    assert sar.shape == classes.shape == (lines // factor, samples // factor)
    whole = scene.whole(2, ["nersc_sar_primary", "SOD"])
    rng = np.random.default_rng(0)
    for line, sample in zip(rng.integers(0, sar.shape[0], 40), rng.integers(0, sar.shape[1], 40), strict=True):
        part = np.s_[line * factor : (line + 1) * factor, sample * factor : (sample + 1) * factor]
        found = whole["nersc_sar_primary"][part]
        expected = np.nanmean(found) if np.isfinite(found).any() else np.nan
        np.testing.assert_allclose(sar[line, sample], expected, rtol=1e-5)
        counts = np.bincount(whole["SOD"][part].ravel(), minlength=256)
        assert counts[classes[line, sample]] == counts.max()


def test_blocks_of_one_pixel_are_the_pixels(tiny_lake: Lake) -> None:
    scene = tiny_lake.scene(tiny_lake.catalog().scene_ids[0])
    np.testing.assert_array_equal(most_frequent_blocks(scene, 10, "SOD", 1, 6), scene.whole(10, ["SOD"])["SOD"])
