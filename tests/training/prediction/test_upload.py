"""The upload file has the form of the starter kit: a class in every pixel, and its names, dims and types."""

from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from datasets.labels import CHARTS, IGNORE
from training.prediction.scene_map import LAND, class_attributes
from training.prediction.upload import UploadError, write_upload

SHAPE = (6, 8)


def _map(folder: Path, scene_id: str, *, ratio: int = 2, charts: tuple[str, ...] = ("SIC", "SOD", "FLOE")) -> Path:
    maps = {}
    for name in charts:
        values = (np.indices((6, 8)).sum(axis=0) % CHARTS[name].n_classes).astype(np.uint8)
        values[0, 0], values[5, 6:] = LAND, IGNORE
        maps[name] = (("line", "sample"), values, class_attributes(CHARTS[name]))
    data = xr.Dataset(maps, attrs={"scene_id": scene_id, "ratio": ratio})
    path = folder / f"{scene_id}.zarr"
    data.to_zarr(path, zarr_format=3, consolidated=False)
    return path


def test_the_file_is_the_one_of_the_starter_kit(tmp_path: Path) -> None:
    first, second = _map(tmp_path, "20180124T194759_dmi"), _map(tmp_path, "20180623T114935_cis")
    with xr.open_dataset(second, engine="zarr", consolidated=False, mask_and_scale=False) as data:
        data.to_netcdf(tmp_path / "20180623T114935_cis.nc")
    path = write_upload(
        [(first, SHAPE), (tmp_path / "20180623T114935_cis.nc", SHAPE)], tmp_path / "new" / "upload_package.nc"
    )
    with netCDF4.Dataset(path) as file:
        file.set_auto_mask(False)
        assert file.data_model == "NETCDF4"
        assert list(file.variables) == [
            f"{scene}_{chart}" for scene in ("20180124T194759_dmi", "20180623T114935_cis") for chart in CHARTS
        ]
        for name, variable in file.variables.items():
            assert (variable.dtype, variable.dimensions) == (np.uint8, (f"{name}_dim0", f"{name}_dim1"))
            assert variable.shape == (6, 8)
            assert (variable.filters()["zlib"], variable.filters()["complevel"]) == (True, 1)
            assert not {"_FillValue", "flag_values", "coordinates"} & {*variable.ncattrs()}
            values, chart = variable[:], CHARTS[name.rsplit("_", 1)[1]]
            assert values.max() < chart.n_classes
            assert values[0, 0] in (values[0, 1], values[1, 0])  # land has the class beside it
            assert values[5, 7] in (values[4, 7], values[5, 5])
            assert values[2, 3] == 5 % chart.n_classes
    assert [each.name for each in path.parent.iterdir()] == ["upload_package.nc"]


def test_a_coarser_map_is_brought_to_80_m_with_the_lines_that_it_lacks(tmp_path: Path) -> None:
    coarse = _map(tmp_path, "20180623T114935_cis", ratio=10)
    with netCDF4.Dataset(write_upload([(coarse, (32, 41))], tmp_path / "upload.nc")) as file:
        found = file["20180623T114935_cis_SOD"][:]
    assert found.shape == (32, 41)
    assert (found[10:15, 15:20] == 5).all()
    assert np.array_equal(found[29], found[31])


def test_what_cannot_be_uploaded_is_one_sentence(tmp_path: Path) -> None:
    good = _map(tmp_path, "20180124T194759_dmi")
    single = _map(tmp_path, "20180707T113313_cis", charts=("SOD",))
    for maps, words in (
        ([good, single], "has no map of SIC, FLOE"),
        ([good, good], "both of scene 20180124T194759_dmi"),
        ([], "no maps to upload"),
    ):
        with pytest.raises(UploadError, match=words):
            write_upload([(each, SHAPE) for each in maps], tmp_path / "upload.nc")
        assert not list(tmp_path.glob("*upload*"))


def test_a_scene_without_any_class_is_open_water(tmp_path: Path) -> None:
    path = _map(tmp_path, "20180124T194759_dmi")
    with xr.open_dataset(path, engine="zarr", consolidated=False, mask_and_scale=False) as data:
        data.load().where(data.SOD > 300, IGNORE).astype(np.uint8).to_netcdf(tmp_path / "empty.nc")
    with xr.open_dataset(write_upload([(tmp_path / "empty.nc", SHAPE)], tmp_path / "upload.nc")) as file:
        assert not any(file[name].any() for name in file)
