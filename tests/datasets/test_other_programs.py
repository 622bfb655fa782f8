"""What docs/lake.md says about other programs: a scene becomes netCDF with all that it says, and parts are saved."""

import re
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from datasets.lake import Lake
from datasets.scene import SceneRecord
from datasets.stores.attributes import from_attribute, to_attribute

PAGE = Path(__file__).parents[2] / "docs" / "lake.md"


@pytest.mark.filterwarnings("ignore:endian-ness of dtype")  # as the page says
def test_recipes_for_other_programs(tiny_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (section,) = re.findall(r"## Read with other programs\n(.*?)\n## ", PAGE.read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    scene = tiny_lake.scene(tiny_lake.catalog().scene_ids[0])
    recipe = "\n".join(re.findall(r"```python\n(.*?)```", section, re.DOTALL))
    exec(compile(recipe, str(PAGE), "exec"), {"lake": tiny_lake.url, "scene_id": scene.record.scene_id})
    with netCDF4.Dataset("scene.nc") as file:
        assert file["nersc_sar_primary"].coordinates.split() == ["sar_latitude", "sar_longitude"]
        assert file["sar_latitude"].units == "degrees_north"
        assert np.array_equal(file["SOD"][:].filled(255), scene.open(10).SOD.values)
    with netCDF4.Dataset("all_grids.nc") as file:
        assert {"r1", "r2", "r5", "r10", "km2", "tie_points"} <= set(file.groups)
        assert SceneRecord.model_validate_json(file.record) == scene.record
        assert from_attribute(file.moments) == scene.moments
    part = xr.open_zarr("part.zarr", consolidated=False)
    xr.testing.assert_equal(part.load(), scene.open(2).isel(line=slice(30, 94), sample=slice(40, 104)).load())


def test_attributes_of_both_forms_mean_the_same() -> None:
    table = {"SIC": {"0": 7, "255": 3}, "mean": float("inf")}
    assert from_attribute(to_attribute(table)) == from_attribute(table) == table
    assert to_attribute("CF-1.11") == "CF-1.11"
    assert from_attribute({}) == from_attribute("{}") == {}
