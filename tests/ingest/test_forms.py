"""The forms of the archives, against the published lists of their variables and attributes."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from ingest.sample import write_samples
from ingest.source import find_sources
from tests.ingest.forms import Form, write_form


@pytest.fixture(scope="module")
def raw_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_samples(tmp_path_factory.mktemp("raw"), scenes=1, lines=201, samples=243, seed=5)[0]


@pytest.fixture(scope="module")
def raw(raw_path: Path) -> xr.Dataset:
    with xr.open_dataset(raw_path, decode_times=False) as source:
        return source.load()


def written(raw_path: Path, folder: Path, form: Form) -> tuple[Path, xr.Dataset]:
    path = write_form(raw_path, folder, form)
    with xr.open_dataset(path, decode_times=False) as source:
        return path, source.load()


def test_the_first_test_release_lacks_the_chart_and_nothing_else(
    raw_path: Path, raw: xr.Dataset, tmp_path: Path
) -> None:
    path, scene = written(raw_path, tmp_path, "raw-test-v1")
    assert path.name == raw_path.name.replace(".nc", "_testdata.nc")
    assert len(scene.data_vars) == 31
    assert set(raw.variables) - set(scene.variables) == {"polygon_icechart", "polygon_codes"}
    assert "polygon_codes" not in scene.sizes
    xr.testing.assert_identical(scene, raw.drop_vars(["polygon_icechart", "polygon_codes"]))


def test_the_ready_to_train_form(raw_path: Path, raw: xr.Dataset, tmp_path: Path) -> None:
    path, scene = written(raw_path, tmp_path, "ready-to-train")
    assert path.name == f"{raw_path.name[17:32]}_{raw_path.name[77:80]}_prep.nc"
    assert len(scene.data_vars) == 29
    assert scene.attrs == {
        "scene_id": path.name,
        "original_id": raw_path.name,
        "ice_service": raw_path.name[77:80],
        "flip": 0,
        "pixel_spacing": 80,
    }
    assert dict(scene.sizes) == {
        "sar_lines": 100,
        "sar_samples": 121,
        "2km_grid_lines": 4,
        "2km_grid_samples": 4,
        "sar_sample_2dgrid_points": 21,
        "sar_line_2dgrid_points": 21,
    }
    assert scene.nersc_sar_primary.attrs["variable_fill_value"] == 0
    assert scene.SOD.attrs == {"polygon": "Stage of Development", "chart_fill_value": 255}
    assert scene.SOD.dtype == np.uint8
    assert {scene[name].dtype.name for name in scene.data_vars if name not in ("SIC", "SOD", "FLOE")} == {
        "float32",
        "float64",
    }
    # Published mean and standard deviation of t2m: 268.627 and 9.469 K.
    np.testing.assert_allclose(scene.t2m, (raw.t2m - 268.627) / 9.469, rtol=1e-5)
    assert not np.isnan(scene.nersc_sar_primary).any()
    assert (scene.nersc_sar_primary.values[scene.SIC.values != 255] != 0).all()


def test_charts_of_the_test_form_lie_beside(raw_path: Path, tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    _, train = written(raw_path, tmp_path, "ready-to-train")
    path, scene = written(raw_path, tmp_path / "test", "ready-to-train-test")
    assert len(scene.data_vars) == 26
    assert find_sources([str(path.parent)]) == [str(path)]
    with xr.open_dataset(path.with_name(path.name.replace("_prep", "_prep_reference"))) as reference:
        xr.testing.assert_identical(reference.drop_attrs(), train[["SIC", "SOD", "FLOE"]].drop_attrs())
