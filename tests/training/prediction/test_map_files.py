"""What docs/map_files.md says about the files of a map is so."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from tests.docs.pages import blocks
from tests.training.prediction.places import DATE_LINE, counted_map
from training.prediction.geotiff import write_geotiff

PAGE = "docs/map_files.md"


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_recipes_open_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    data = counted_map(DATE_LINE, 100)
    scene_id = data.attrs["scene_id"]
    data.to_netcdf(f"{scene_id}.nc", engine="netcdf4")
    write_geotiff(data, tmp_path)
    for block in blocks(PAGE, "python"):
        exec(compile(block.text, PAGE, "exec"), {"scene_id": scene_id})
    said = capsys.readouterr().out
    assert "SOD probability of old ice 0.07" in said
    assert "EPSG:4326 441" in said
    assert "netcdf:" in said.lower()
    assert ":longitude" in said


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_gdal_takes_the_places_of_the_netcdf_file(tmp_path: Path) -> None:
    data = counted_map(DATE_LINE, 100)
    data.to_netcdf(tmp_path / "map.nc", engine="netcdf4")
    with rasterio.open(f"netcdf:{tmp_path / 'map.nc'}:SOD") as file:
        places = file.tags(ns="GEOLOCATION")
        assert file.nodata == 255
        assert np.array_equal(file.read(1)[::-1], data.SOD)  # as the page says
    for name, axis in (("latitude", "Y"), ("longitude", "X")):
        assert places["GEOREFERENCING_CONVENTION"] == "PIXEL_CENTER"
        with rasterio.open(places[f"{axis}_DATASET"].replace('"', "")) as file:
            assert np.array_equal(file.read(1)[::-1], data[name])
