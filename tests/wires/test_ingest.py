"""What a scene gets from its file and what it loses, where one band or one product differs from the other."""

import shutil
from pathlib import Path

import netCDF4
import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from datasets.lake import Lake
from ingest.convert import convert_scene
from ingest.precision import border_step, zone_quarters
from ingest.product import open_scene
from ingest.recipe import Recipe
from ingest.sample import write_samples
from tests.ingest.forms import write_form


@pytest.mark.parametrize("band", ["nersc_sar_primary", "nersc_sar_secondary"])
def test_a_pixel_without_either_band_has_no_label(raw_train: list[Path], tmp_path: Path, band: str) -> None:
    raw, recipe = tmp_path / raw_train[0].name, Recipe(ratios=(1,))
    shutil.copy(raw_train[0], raw)
    whole, holed = (Lake.create(str(tmp_path / name), recipe.to_lake()) for name in ("whole", "holed"))
    row = convert_scene(str(raw), recipe, whole, "train")
    known = whole.scene(row.scene_id).whole(1, ["SOD"])["SOD"] != 255
    with netCDF4.Dataset(raw, "r+") as file:
        values = np.ma.filled(file[band][:], np.nan)
        hole = np.zeros(values.shape, bool)
        hole[100:140, 100:300] = True
        values[hole] = np.nan
        file[band][:] = values
    assert known[hole].any()
    convert_scene(str(raw), recipe, holed, "train")
    found = holed.scene(row.scene_id).whole(1, ["SOD"])["SOD"] != 255
    assert not found[hole].any()
    assert np.array_equal(found[~hole], known[~hole])


def test_border_distances_of_the_ready_to_train_product_are_in_metres(tmp_path: Path) -> None:
    raw = write_samples(tmp_path / "raw", scenes=1, lines=323, samples=361, seed=6)[0]
    prepared = write_form(raw, tmp_path, "ready-to-train")
    recipe = Recipe(ratios=(2, 10))
    lake = Lake.create(str(tmp_path / "lake"), recipe.to_lake())
    scene_id = convert_scene(str(prepared), recipe, lake, "train").scene_id
    with open_scene(str(prepared)) as scene:
        ids = scene.polygon_ids()
    metres = np.zeros(ids.shape)
    for each in np.unique(ids):
        if each != 65535:
            metres[ids == each] = 80.0 * distance_transform_edt(ids == each)[ids == each]
    for ratio in (2, 10):
        size = ratio // 2
        lines, samples = (length // size for length in ids.shape)
        blocks = metres[: lines * size, : samples * size].reshape(lines, size, samples, size).min(axis=(1, 3))
        found = lake.scene(scene_id).whole(ratio, ["distance_to_border"])["distance_to_border"]
        assert np.abs(found - blocks).max() <= border_step(ratio) / 2


def test_means_of_zones_are_rounded_down_and_zones_to_the_nearest_quarter() -> None:
    """So that a block that was land, a mean below one half, still is."""
    values = np.array([0.0, 0.2, 0.49, 0.5, 0.74, 40.99], np.float32)
    assert zone_quarters(values.copy(), mean=True).tolist() == [0.0, 0.0, 0.25, 0.5, 0.5, 40.75]
    assert zone_quarters(values.copy(), mean=False).tolist() == [0.0, 0.25, 0.5, 0.5, 0.75, 41.0]
