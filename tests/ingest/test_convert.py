"""One raw file -> one store: its record and options, and what is left behind when it fails."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from datasets.errors import SceneNotFoundError
from datasets.lake import Lake
from datasets.sigrid import HEADER, NO_POLYGON, Dominance
from ingest.convert import convert_scene
from ingest.errors import RawSceneError, RecipeError, SceneNameError
from ingest.precision import MEAN_STEP_DB
from ingest.recipe import Recipe
from ingest.reduce import block_mean, block_mean_power, block_mode
from ingest.source import parse_name


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(str(tmp_path / "lake"), Recipe().to_lake())


@pytest.fixture
def raw(raw_train: list[Path], tmp_path: Path) -> Path:
    """A private copy of one raw scene."""
    return Path(shutil.copy(raw_train[0], tmp_path / raw_train[0].name))


@pytest.mark.slow
def test_building_twice_gives_the_same_bytes(lake: Lake, raw: Path, tmp_path: Path) -> None:
    recipe = Recipe(ratios=(1, 2, 5, 10))
    other = Lake.create(str(tmp_path / "other"), recipe.to_lake())
    stores = [Path(each.scene_url(convert_scene(str(raw), recipe, each, "train").scene_id)) for each in (lake, other)]
    first, second = ({path.relative_to(store): path for path in store.rglob("*") if path.is_file()} for store in stores)
    assert first.keys() == second.keys()
    assert len(first) > 60
    assert all(first[name].read_bytes() == second[name].read_bytes() for name in first)


def test_a_finished_scene_is_kept_and_another_recipe_rebuilds_it(lake: Lake, raw: Path) -> None:
    record = convert_scene(str(raw), Recipe(), lake, "train")
    root = Path(lake.scene_url(record.scene_id)) / "zarr.json"
    written = root.stat().st_mtime_ns
    assert convert_scene(str(raw), Recipe(), lake, "train") == record
    assert root.stat().st_mtime_ns == written
    again = convert_scene(str(raw), Recipe(ratios=(2,)), lake, "train")
    assert again.recipe != record.recipe
    with pytest.raises(SceneNotFoundError, match=r"no group 'r5', it has km2, polygons, r2, tie_points"):
        lake.scene(record.scene_id).open(5)


def _without(*names: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with xr.open_dataset(path, decode_cf=False) as source:
            content = source.load().drop_vars(names)
        path.unlink()
        content.to_netcdf(path)

    return change


def _filled(name: str, value: float) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with netCDF4.Dataset(path, "a") as data:
            data[name][:] = value

    return change


def _bad_row(path: Path) -> None:
    with netCDF4.Dataset(path, "a") as data:
        data["polygon_codes"][1] = "7;nothing"


def _text(path: Path) -> None:
    path.write_text("this is no netCDF")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (_text, "cannot be read as netCDF"),
        (_without("nersc_sar_secondary"), "lacks nersc_sar_secondary: take the raw file"),
        (_without("btemp_18_7h", "t2m"), "lacks btemp_18_7h, t2m: take the raw file"),
        (_without("polygon_codes"), "lacks polygon_codes: take the raw file"),
        (_filled("nersc_sar_secondary", np.nan), "nersc_sar_secondary of .* holds no valid pixel"),
        (_filled("polygon_icechart", np.nan), "the ice chart of .* is empty"),
        (_filled("polygon_icechart", 70000), "holds ids from 70000.0 to 70000.0, allowed are 0 to 65534"),
        (_filled("polygon_icechart", 3.5), "not whole"),
        (_filled("sar_grid_latitude", np.nan), "the tie points hold NaN in sar_latitude"),
        (_bad_row, "row '7;nothing' has 2 fields"),
    ],
)
def test_a_bad_file_is_one_sentence_and_leaves_nothing(
    lake: Lake, raw: Path, damage: Callable[[Path], None], sentence: str
) -> None:
    damage(raw)
    with pytest.raises(RawSceneError, match=sentence):
        convert_scene(str(raw), Recipe(), lake, "train")
    assert not Path(lake.scene_url(parse_name(str(raw)).scene_id)).exists()


def test_a_ratio_that_does_not_fit_leaves_nothing(lake: Lake, raw: Path) -> None:
    with pytest.raises(RecipeError, match="ratio 5000 does not fit a scene of 420 x 520 pixels"):
        convert_scene(str(raw), Recipe(ratios=(1, 5000)), lake, "train")
    assert not (Path(lake.url) / "scenes").exists()


def test_a_name_outside_the_grammar_is_refused(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(
        SceneNameError, match=r"'scene.nc' is not an AI4Arctic raw file name: expected the form 'S1A_EW"
    ):
        convert_scene(str(tmp_path / "scene.nc"), Recipe(), lake, "train")


def test_nobody_opens_a_store_that_is_being_written(lake: Lake) -> None:
    """A build killed before the root document leaves arrays that neither xarray nor the lake takes for a scene."""
    url = lake.scene_url("20180101T000000_dmi")
    writer = lake.write_scene("20180101T000000_dmi")
    writer.array("r2", "SOD", np.zeros((600, 700), np.uint8), dims=("line", "sample"), fill=255, attributes={})
    assert (Path(url) / "r2/SOD/zarr.json").exists()
    with pytest.raises(FileNotFoundError):
        xr.open_zarr(url, group="r2", consolidated=False)
    with pytest.raises(SceneNotFoundError, match="no finished scene store"):
        lake.scene("20180101T000000_dmi")


def test_an_interrupted_rebuild_leaves_the_old_scene_and_nothing_else(lake: Lake, raw: Path) -> None:
    record = convert_scene(str(raw), Recipe(), lake, "train")
    with pytest.raises(KeyboardInterrupt), lake.write_scene(record.scene_id):
        raise KeyboardInterrupt
    assert lake.scene(record.scene_id).record == record
    assert [path.name for path in Path(lake.url, "scenes").iterdir()] == [f"{record.scene_id}.zarr"]


def test_the_record_tells_where_and_when(tiny_lake: Lake, raw_train: list[Path]) -> None:
    name = parse_name(str(raw_train[0]))
    record = tiny_lake.scene(name.scene_id).record
    assert (record.acquired, record.stopped, record.orbit) == (name.start, name.stop, name.orbit)
    assert record.source == raw_train[0].name
    west, south, east, north = record.bbox
    assert -180 <= west <= 180
    assert -180 <= east <= 180
    assert 40 < south < north < 90
    assert sum(record.pixels["SIC"].values()) == record.lines * record.samples
    stored = json.loads((Path(tiny_lake.scene_url(name.scene_id)) / "zarr.json").read_text())["attributes"]
    assert "split" not in json.loads(stored["record"])


def test_options_of_the_recipe_change_what_they_name(tmp_path: Path, raw: Path, tiny_lake: Lake) -> None:
    plain = tiny_lake.scene(parse_name(str(raw)).scene_id)
    recipe = Recipe(ratios=(1, 5), sar_mean="power", chart_reduction="mode", sar_precision=0.01)
    lake = Lake.create(str(tmp_path / "other"), recipe.to_lake())
    scene = lake.scene(convert_scene(str(raw), recipe, lake, "train").scene_id)
    full, other = scene.open(1), scene.open(5)
    exact = plain.open(1)
    np.testing.assert_array_equal(other.SOD, block_mode(exact.SOD.values, 5))
    assert (other.SOD != plain.open(5).SOD).any()
    power = block_mean_power(exact.nersc_sar_primary.values, 5)
    np.testing.assert_allclose(other.nersc_sar_primary, power, rtol=0, atol=MEAN_STEP_DB / 2)
    assert float(np.nanmean(other.nersc_sar_primary - plain.open(5).nersc_sar_primary)) > 0.05
    error = np.abs(full.nersc_sar_primary - exact.nersc_sar_primary)
    assert 0 < float(np.nanmax(error)) <= 0.01
    assert scene.record.recipe != plain.record.recipe


def test_what_no_instrument_measures_is_no_data_and_no_mean_feels_it(
    raw: Path, tiny_lake: Lake, tmp_path: Path
) -> None:
    with netCDF4.Dataset(raw, "a") as file:
        file["nersc_sar_secondary"][200, 300] = -463.14
        file["t2m"][1, 1] = 9999.0
    recipe = Recipe(ratios=(1, 2))
    lake = Lake.create(str(tmp_path / "other"), recipe.to_lake())
    record = convert_scene(str(raw), recipe, lake, "train")
    assert record.implausible == {"nersc_sar_secondary": 1, "t2m": 1}
    found, before = (each.scene(record.scene_id) for each in (lake, tiny_lake))
    assert before.record.implausible == {}
    fine, coarse = found.open(1).nersc_sar_secondary.values, found.open(2).nersc_sar_secondary.values
    assert np.isnan(fine[200, 300])
    block = before.open(1).nersc_sar_secondary.values[200:202, 300:302].ravel()[1:]
    assert coarse[100, 150] == pytest.approx(block.mean(), abs=MEAN_STEP_DB)
    for group, name in (("r2", "nersc_sar_secondary"), ("km2", "t2m")):
        assert found.moments[group][name][1:] == pytest.approx(before.moments[group][name][1:], rel=0.05)


def test_every_array_of_the_sar_grid_takes_few_bytes_and_plain_xarray_gives_units(tiny_lake: Lake) -> None:
    scene = tiny_lake.scene(tiny_lake.catalog().scene_ids[0])
    raw_types = {
        name: array.dtype.name
        for name, array in xr.open_zarr(
            tiny_lake.scene_url(scene.record.scene_id), group="r2", mask_and_scale=False
        ).items()
    }
    assert raw_types["nersc_sar_primary"] == raw_types["nersc_sar_secondary"] == "int16"
    assert raw_types["distance_map"] == raw_types["SOD"] == "uint8"
    assert raw_types["distance_to_border"] == raw_types["polygon_id"] == "uint16"
    opened = scene.open(2)
    names = ("nersc_sar_primary", "nersc_sar_secondary", "distance_map", "distance_to_border")
    for name, values in scene.whole(2, names).items():
        assert opened[name].dtype == values.dtype == np.float32
        np.testing.assert_array_equal(opened[name].values, values)


def test_means_are_those_of_the_raw_pixels_to_half_a_step(raw: Path, tiny_lake: Lake) -> None:
    scene = tiny_lake.scene(parse_name(str(raw)).scene_id)
    with netCDF4.Dataset(raw) as file:
        hh, zones = (
            np.ma.filled(file[name][:].astype(np.float32), np.nan) for name in ("nersc_sar_primary", "distance_map")
        )
    np.testing.assert_array_equal(scene.open(1).nersc_sar_primary, hh, "full resolution stays bit for bit")
    np.testing.assert_array_equal(scene.open(1).distance_map, zones)
    for ratio in (2, 5, 10):
        found = scene.open(ratio)
        np.testing.assert_allclose(found.nersc_sar_primary, block_mean(hh, ratio), rtol=0, atol=MEAN_STEP_DB / 2 + 1e-5)
        exact = block_mean(zones, ratio)
        land = found.distance_map.values < 0.5
        np.testing.assert_array_equal(land, exact < 0.5)
        assert (exact - found.distance_map.values).max() < 0.25


def test_polygons_are_kept_and_give_charts_at_another_dominance(raw: Path, tiny_lake: Lake, tmp_path: Path) -> None:
    scene = tiny_lake.scene(parse_name(str(raw)).scene_id)
    with netCDF4.Dataset(raw) as file:
        codes = [str(row) for row in file["polygon_codes"][:]]
    assert scene.polygon_codes()[0] == HEADER
    assert list(scene.polygon_codes()) == [row.strip() for row in codes]
    ids = {ratio: scene.window(ratio, "polygon_id", slice(None), slice(None)) for ratio in (1, 5)}
    lines, samples = ids[5].shape
    np.testing.assert_array_equal(ids[5], ids[1][2::5, 2::5][:lines, :samples])
    known = {int(row.split(";")[0]) for row in codes[1:]} | {NO_POLYGON}
    assert set(np.unique(ids[1]).tolist()) <= known

    first = Dominance(SOD=0.70, FLOE=0.50)
    recipe = Recipe(ratios=(1,), dominance=first)
    lake = Lake.create(str(tmp_path / "first"), recipe.to_lake())
    built = lake.scene(convert_scene(str(raw), recipe, lake, "train").scene_id)
    now, then = scene.charts(1, Dominance()), scene.charts(1, first)
    for name in ("SIC", "SOD", "FLOE"):
        np.testing.assert_array_equal(now[name], scene.open(1)[name])
        np.testing.assert_array_equal(then[name], built.open(1)[name])
    assert (now["SOD"] != then["SOD"]).any() or (now["FLOE"] != then["FLOE"]).any()
