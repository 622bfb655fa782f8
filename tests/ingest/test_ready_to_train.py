"""The ready-to-train product: undone, it is the raw scene at 80 m; scaled in another way, it is one sentence."""

import shutil
from collections.abc import Callable
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr
import zarr

from datasets.catalog import Catalog
from datasets.catalog_file import CatalogFile
from datasets.lake import Lake
from ingest.convert import convert_scene
from ingest.errors import IceBenchError, NoSourceError, RawSceneError, RecipeError
from ingest.precision import MEAN_STEP_DB, geolocation_step
from ingest.product import open_scene
from ingest.recipe import Recipe
from ingest.sample import write_samples
from ingest.source import find_sources, scene_id_of
from ingest.standardization import MEAN_STD
from tests.ingest.forms import write_form

RECIPE = Recipe(ratios=(2, 10))
LINES, SAMPLES = 323, 361  # odd: the product drops the last line and sample


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_samples(tmp_path_factory.mktemp("raw"), scenes=1, lines=LINES, samples=SAMPLES, seed=6)[0]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, raw: Path) -> Path:
    return write_form(raw, tmp_path_factory.mktemp("ready-to-train"), "ready-to-train")


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory, raw: Path, prepared: Path) -> tuple[Lake, Lake]:
    """A lake from the raw form and one from the ready-to-train form of one scene."""
    made = []
    for path in (raw, prepared):
        lake = Lake.create(str(tmp_path_factory.mktemp("lake") / "lake"), RECIPE.to_lake())
        convert_scene(str(path), RECIPE, lake, "train")
        made.append(lake)
    return made[0], made[1]


@pytest.fixture
def private(prepared: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copy(prepared, tmp_path / prepared.name))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(str(tmp_path / "lake"), RECIPE.to_lake())


@pytest.mark.slow
def test_both_products_give_the_same_grid_of_80_m(lakes: tuple[Lake, Lake], prepared: Path) -> None:
    scene_id = scene_id_of(str(prepared))
    expected, found = (lake.scene(scene_id).open(2) for lake in lakes)
    assert dict(found.sizes) == dict(expected.sizes) == {"line": LINES // 2, "sample": SAMPLES // 2}
    assert found.attrs["pixel_spacing"] == 80
    assert {*found.variables, "polygon_id"} == set(expected.variables), "the product has no polygons"
    for chart in ("SIC", "SOD", "FLOE"):
        np.testing.assert_array_equal(found[chart], expected[chart])
        assert (found[chart] != 255).mean() > 0.2
    land = expected.distance_map.values < 0.5
    steps = {
        "nersc_sar_primary": MEAN_STEP_DB,
        "nersc_sar_secondary": MEAN_STEP_DB,
    }
    for name, step in steps.items():
        missing = np.isnan(found[name].values)
        assert missing[land].all()
        assert not missing[expected.SIC.values != 255].any()
        np.testing.assert_allclose(found[name].values[~missing], expected[name].values[~missing], atol=step)
    for name in ("sar_latitude", "sar_longitude", "distance_map"):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-3)
    np.testing.assert_allclose(found.sar_incidenceangle, expected.sar_incidenceangle, atol=0.02)  # land, too


def test_other_ratios_stay_relative_to_40_m(lakes: tuple[Lake, Lake], prepared: Path) -> None:
    expected, found = (lake.scene(scene_id_of(str(prepared))) for lake in lakes)
    assert found.open(10).attrs["pixel_spacing"] == 400
    assert found.open(10).SOD.shape == found.shape(10) == (LINES // 10, SAMPLES // 10)
    np.testing.assert_array_equal(found.open(10).SOD, expected.open(10).SOD)
    np.testing.assert_allclose(
        found.open(10).sar_latitude, expected.open(10).sar_latitude, atol=geolocation_step("sar_latitude", 10)
    )


def test_weather_and_brightness_are_in_their_units(lakes: tuple[Lake, Lake], prepared: Path) -> None:
    expected, found = (lake.scene(scene_id_of(str(prepared))).open_km2() for lake in lakes)
    assert set(expected.variables) - set(found.variables) == {"amsr2_swath_map", "swath_segmentation"}
    for name in found.variables:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-4)


def test_the_record_says_which_product(lakes: tuple[Lake, Lake], prepared: Path) -> None:
    expected, found = (lake.scene(scene_id_of(str(prepared))).record for lake in lakes)
    assert (found.product, found.pixel_spacing, found.charted) == ("ready_to_train", 80, True)
    assert (expected.product, expected.pixel_spacing, expected.charted) == ("raw", 40, True)
    assert (found.lines, found.samples) == (LINES // 2 * 2, SAMPLES // 2 * 2)
    assert sum(found.pixels["SOD"].values()) == found.lines * found.samples
    for name in ("scene_id", "acquired", "stopped", "satellite", "orbit", "provider", "region", "season"):
        assert getattr(found, name) == getattr(expected, name)
    np.testing.assert_allclose(found.bbox, expected.bbox)
    assert CatalogFile.from_parquet(CatalogFile(Catalog.of([found]), {}).to_parquet()).catalog.records == (found,)


def test_what_is_inferred_says_so(lakes: tuple[Lake, Lake], prepared: Path) -> None:
    scene = lakes[1].scene(scene_id_of(str(prepared)))
    border = scene.open(2).distance_to_border
    assert border.attrs["comment"].startswith("approximate: borders of the combination of SIC, SOD and FLOE at 80 m")
    inside = border.values[border.values > 0]
    assert inside.min() == 80
    points = zarr.open_group(f"{lakes[1].scene_url(scene.record.scene_id)}/tie_points", mode="r")
    assert "are inferred" in str(points.attrs["comment"])
    assert sorted(points.array_keys()) == [
        f"sar_grid_{name}" for name in ("incidenceangle", "latitude", "line", "longitude", "sample")
    ]
    assert "variable_fill_value" not in scene.open(2).nersc_sar_primary.attrs
    assert "z-score undone" in scene.open(2).nersc_sar_primary.attrs["comment"]


def test_charts_of_test_scenes_lie_beside_and_may_come_later(raw: Path, tmp_path: Path, lake: Lake) -> None:
    path = write_form(raw, tmp_path, "ready-to-train-test")
    reference = path.with_name(path.name.replace("_prep", "_prep_reference"))
    elsewhere = tmp_path / "charts.nc"
    reference.rename(elsewhere)
    assert find_sources([str(tmp_path / path.name)]) == [str(path)]
    without = convert_scene(str(path), RECIPE, lake, "test")
    assert not without.charted
    assert (lake.scene(without.scene_id).open(2).SOD == 255).all()
    elsewhere.rename(reference)
    assert find_sources([str(tmp_path)]) == [str(path)]
    record = convert_scene(str(path), RECIPE, lake, "test")
    assert record.charted
    assert record.labelled("SOD") > 0
    assert convert_scene(str(path), RECIPE, lake, "test") == record
    with pytest.raises(NoSourceError, match=r"holds the charts of a scene, not the scene: give the file '.*_prep.nc'"):
        find_sources([str(reference)])
    reference.write_text("torn")
    with pytest.raises(RawSceneError, match=r"prep_reference.nc' cannot be read as netCDF"), open_scene(str(path)):
        pass


@pytest.mark.parametrize("ratio", [1, 5])
def test_ratios_finer_than_the_product_are_refused(prepared: Path, lake: Lake, ratio: int) -> None:
    with pytest.raises(
        RecipeError,
        match=rf"ratio {ratio} is {40 * ratio} m and scene .* has pixels of 80 m: use multiples of 2",
    ):
        convert_scene(str(prepared), Recipe(ratios=(ratio, 10)), lake, "train")
    assert not (Path(lake.url) / "scenes").exists()


def _values(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        with netCDF4.Dataset(path, "a") as data:
            data[name].set_auto_maskandscale(False)
            data[name][:] = change(data[name][:])

    return edit


def _attribute(name: str, value: object) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        with netCDF4.Dataset(path, "a") as data:
            if value is None:
                data.delncattr(name)
            else:
                data.setncattr(name, value)

    return edit


def _content(change: Callable[[xr.Dataset], xr.Dataset]) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        with xr.open_dataset(path, decode_cf=False) as source:
            content = change(source.load())
        path.unlink()
        content.to_netcdf(path)

    return edit


def _cropped_reference(path: Path) -> None:
    charts = ["SIC", "SOD", "FLOE"]
    with xr.open_dataset(path, decode_cf=False) as source:
        content = source.load()
    path.unlink()
    content.drop_vars(charts).to_netcdf(path)
    content[charts].isel(sar_lines=slice(0, 100)).to_netcdf(path.with_name(f"{path.stem}_reference.nc"))


def _stranger(values: np.ndarray) -> np.ndarray:
    return np.where(values == 255, 255, 7).astype(np.uint8)


def _unlabelled(path: Path) -> None:
    for name in ("SIC", "SOD", "FLOE"):
        _values(name, lambda values: np.full_like(values, 255))(path)


ZONE_MEAN, ZONE_STD = MEAN_STD["distance_map"]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (
            _values("distance_map", lambda z: z * 1.02),
            r"distance_map .* is not made of zones 0 to 41 after its z-score",
        ),
        (_values("distance_map", lambda z: z * ZONE_STD + ZONE_MEAN), r"not made of zones 0 to 41 .* pixels are off"),
        (
            _values("sar_incidenceangle", lambda z: z + 1),
            r"sar_incidenceangle .* runs from .* degrees after its z-score",
        ),
        (
            _values("sar_grid2d_latitude", lambda v: (v - 69.125) / 7.032),
            r"the latitudes of .* expected are degrees in",
        ),
        (_values("sar_grid2d_longitude", lambda v: v * np.nan), r"the latitudes of .* expected are degrees in"),
        (_values("nersc_sar_primary", np.zeros_like), r"nersc_sar_primary of .* holds no valid pixel"),
        (_values("SOD", _stranger), r"SOD of .* holds values from 7 to 255, allowed are 0 to 5 and 255"),
        (_unlabelled, r"the charts of .* are empty"),
        (_attribute("original_id", None), r"lacks the attribute original_id"),
        (_attribute("original_id", "scene.nc"), r"'scene.nc' is not an AI4Arctic raw file name"),
        (_attribute("pixel_spacing", 40), r"has a pixel_spacing of 40 m, known is 80 m"),
        (_content(lambda data: data.drop_vars("SOD")), r"lacks SOD: take the ready-to-train file"),
        (_content(lambda data: data.drop_vars(["t2m", "skt"])), r"lacks t2m, skt: take the ready-to-train file"),
        (_content(lambda data: data.isel({"2km_grid_samples": slice(0, 2)})), r"one cell is 25 pixels"),
        (_content(lambda data: data.isel(sar_line_2dgrid_points=0)), r"expected one grid of two axes"),
        (_cropped_reference, r"SIC of .*_prep_reference.nc' has 100 x 180 pixels and the scene has 161 x 180"),
    ],
)
def test_what_is_no_whole_ready_to_train_scene(
    private: Path, lake: Lake, damage: Callable[[Path], None], sentence: str
) -> None:
    damage(private)
    with pytest.raises(IceBenchError, match=sentence):
        convert_scene(str(private), RECIPE, lake, "train")
    assert not Path(lake.scene_url(scene_id_of(str(private)))).exists()


def test_a_file_under_the_name_of_another_scene(private: Path, tmp_path: Path, lake: Lake) -> None:
    path = private.rename(tmp_path / "20180325T194759_dmi_prep.nc")
    with pytest.raises(RawSceneError, match=r"holds the scene .* by its attribute original_id: give the file its own"):
        convert_scene(str(path), RECIPE, lake, "train")
