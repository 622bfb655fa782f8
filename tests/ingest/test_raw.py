"""One raw scene in every plausible encoding reads the same; what is no raw scene is one sentence."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from datasets.lake import Lake
from datasets.sigrid import NO_POLYGON, Dominance
from ingest.convert import convert_scene
from ingest.errors import RawSceneError
from ingest.product import open_scene
from ingest.recipe import Recipe
from ingest.sample import write_samples
from ingest.source import parse_name
from ingest.variables import HH, HV, TIE_POINTS
from tests.ingest.encodings import Encoding, write_encoded
from tests.ingest.forms import write_form

RECIPE = Recipe(ratios=(2,))
HALF_STEP = 0.005  # of SAR packed in hundredths of a decibel


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene whose sides are no multiple of a 2 km cell."""
    return write_samples(tmp_path_factory.mktemp("raw"), scenes=1, lines=233, samples=261, seed=6)[0]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.create(str(tmp_path / "lake"), RECIPE.to_lake())


@pytest.mark.parametrize(
    "encoding",
    [
        Encoding(chart="u1", none=255, marked=True),
        Encoding(chart="u1", none=255),
        Encoding(chart="u1", none=0, marked=True),
        Encoding(chart="u1", none=0),
        Encoding(chart="u2", none=65535, marked=True, codes="char"),
        Encoding(chart="u2", none=65535, codes="bytes"),
        Encoding(chart="i2", none=-1, codes="char", pad=" "),
        Encoding(chart="i4", none=-2147483647, pad=" "),
        Encoding(chart="u4", none=4294967295, marked=True, pad="0"),
        Encoding(chart="f8", none=-1, marked=True),
        Encoding(packed={HH: 0.01, HV: 0.01}),
        Encoding(types={HH: "f8", HV: "f8", "distance_map": "u1", "t2m": "f4", "amsr2_swath_map": "i4"}),
        Encoding(types=dict.fromkeys(TIE_POINTS, "f4")),
        Encoding(types={"sar_grid_line": "i4", "sar_grid_sample": "u2"}),
    ],
    ids=str,
)
def test_every_encoding_reads_the_same(raw: Path, tmp_path: Path, encoding: Encoding) -> None:
    other = tmp_path / raw.name
    write_encoded(raw, other, encoding)
    with open_scene(str(raw)) as expected, open_scene(str(other)) as found:
        assert (found.product, found.charted, found.shape) == ("raw", True, expected.shape)
        assert found.polygons(Dominance()) == expected.polygons(Dominance())
        np.testing.assert_array_equal(found.polygon_ids(), expected.polygon_ids())
        assert (expected.polygon_ids() == NO_POLYGON).any()
        for name in (HH, HV, "distance_map"):
            assert found.sar(name).dtype == np.float32
            np.testing.assert_allclose(found.sar(name), expected.sar(name), atol=HALF_STEP * 1.01)
        for name, values in expected.tie_points().items():
            assert found.tie_points()[name].dtype == np.float64
            np.testing.assert_allclose(found.tie_points()[name], values, rtol=1e-6)
        for name in expected.km2_names:
            np.testing.assert_allclose(found.km2(name), expected.km2(name), rtol=1e-6)


def test_a_swath_map_with_a_fill_value_is_255(raw: Path, tmp_path: Path) -> None:
    other = tmp_path / raw.name
    with xr.open_dataset(raw, decode_cf=False) as source:
        content = source.load()
    content["amsr2_swath_map"][:] = 7
    content["amsr2_swath_map"].attrs["_FillValue"] = np.uint8(7)
    content.to_netcdf(other)
    with open_scene(str(other)) as found:
        assert found.km2("amsr2_swath_map").dtype == np.uint8
        assert (found.km2("amsr2_swath_map") == 255).all()


@pytest.mark.slow
def test_the_first_test_release_is_kept_without_labels(raw: Path, tmp_path: Path, lake: Lake) -> None:
    path = write_form(raw, tmp_path, "raw-test-v1")
    assert path.name.endswith("_testdata.nc")
    record = convert_scene(str(path), RECIPE, lake, "test")
    assert not record.charted
    assert record.scene_id == parse_name(str(raw)).scene_id
    for chart in record.pixels:
        assert record.labelled(chart) == 0
        assert record.pixels[chart][255] == record.lines * record.samples
    grid = lake.scene(record.scene_id).open(2)
    assert (grid.SOD == 255).all()
    assert grid.distance_to_border.isnull().all()
    assert np.isfinite(grid.nersc_sar_primary).mean() > 0.8
    # The second release has the charts of the same scene.
    assert convert_scene(str(raw), RECIPE, lake, "test").charted
    assert (lake.scene(record.scene_id).open(2).SOD != 255).any()


def test_a_scene_with_almost_no_label_is_built(raw: Path, tmp_path: Path, lake: Lake) -> None:
    path = tmp_path / raw.name
    write_encoded(raw, path, Encoding())
    with netCDF4.Dataset(path, "a") as data:
        chart = data["polygon_icechart"][:].filled(np.nan)
        line, sample = (int(place) for place in np.argwhere(np.isfinite(chart))[chart.size // 3])
        polygon = chart[line, sample]
        chart[:] = np.nan
        chart[line : line + 2, sample : sample + 2] = polygon
        data["polygon_icechart"][:] = chart
    record = convert_scene(str(path), RECIPE, lake, "train")
    assert record.charted
    assert record.labelled("SIC") <= 4


def test_a_frame_charted_by_both_services_is_two_scenes_of_one_pass(raw: Path, tmp_path: Path, lake: Lake) -> None:
    name = parse_name(raw.name)
    assert name.provider == "dmi"
    other = replace(name, provider="cis", region="SGRDIEA", icechart_id=f"cis_SGRDIEA_{name.start:%Y%m%dT%H%M}Z_pl_a")
    shutil.copy(raw, tmp_path / other.file_name)
    paths = (raw, tmp_path / other.file_name)
    danish, canadian = (convert_scene(str(path), RECIPE, lake, "train") for path in paths)
    assert danish.acquired == canadian.acquired
    assert (danish.provider, canadian.provider) == ("dmi", "cis")
    assert danish.scene_id != canadian.scene_id
    assert danish.orbit_pass == canadian.orbit_pass


def test_cells_of_two_swaths_and_of_none(raw: Path, tmp_path: Path, lake: Lake) -> None:
    """Two AMSR2 half orbits are a list in the text of the attributes, and cells that neither saw are NaN."""
    path = Path(shutil.copy(raw, tmp_path))
    swaths = "[u'GW1AM2_201801010101_001A.h5', u'GW1AM2_201801010240_002A.h5']"
    with netCDF4.Dataset(path, "a") as data:
        for name in ("btemp_6_9h", "swath_segmentation"):
            data[name].setncatts({"AMSR2_swaths": swaths, "AMSR2_S1_delays": np.array([300, 6000])})
        data["swath_segmentation"][:, 2:] = data["amsr2_swath_map"][:, 2:] = 1
        data["btemp_6_9h"][0, -2:] = np.nan
    record = convert_scene(str(path), RECIPE, lake, "train")
    scene = lake.scene(record.scene_id)
    km2 = scene.open_km2()
    assert (km2.swath_segmentation[:, 2:] == 1).all()
    assert list(km2.btemp_6_9h.attrs["AMSR2_S1_delays"]) == [300, 6000]
    assert km2.btemp_6_9h.attrs["AMSR2_swaths"] == swaths
    assert np.isnan(km2.btemp_6_9h[0, -2:]).all()
    assert scene.moments["km2"]["btemp_6_9h"][0] == km2.btemp_6_9h.size - 2


def test_a_short_scene_has_another_grid_of_tie_points(raw_train: list[Path]) -> None:
    with open_scene(str(raw_train[3])) as scene:
        points = scene.tie_points()
        assert (np.unique(points["sar_grid_line"]).size, np.unique(points["sar_grid_sample"]).size) == (15, 21)
        assert scene.shape == (280, 520)


def _edited(change: Callable[[xr.Dataset], xr.Dataset]) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        with xr.open_dataset(path, decode_cf=False) as source:
            content = change(source.load())
        path.unlink()
        content.to_netcdf(path)

    return edit


def _cropped(dim: str, size: int) -> Callable[[Path], None]:
    return _edited(lambda data: data.isel({dim: slice(0, size)}))


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (_edited(lambda data: data.drop_vars("polygon_icechart")), "lacks polygon_icechart: take the raw file"),
        (_edited(lambda data: data.drop_vars("polygon_codes")), "lacks polygon_codes: take the raw file"),
        (
            _edited(lambda data: data.rename(nersc_sar_primary="sar_primary")),
            "holds sar_primary: it belongs to ASID, a sib",
        ),
        (_edited(lambda data: data.rename_dims(sar_lines="lines")), "has dims .*expected .'sar_lines', 'sar_samples'"),
        (_edited(lambda data: data.transpose("sar_samples", ...)), "nersc_sar_primary of .* has dims"),
        (_cropped("2km_grid_lines", 2), "has 233 sar_lines and 2 2km_grid_lines, expected 4 .one cell is 50 pixels."),
        (_cropped("sar_grid_points", 440), "440 tie points do not form a grid of 21 lines x 21 samples"),
        (_cropped("polygon_codes", 0), "polygon_codes begins with 'nothing', expected the header"),
    ],
)
def test_what_is_no_whole_raw_scene(
    raw: Path, tmp_path: Path, lake: Lake, damage: Callable[[Path], None], sentence: str
) -> None:
    path = tmp_path / raw.name
    write_encoded(raw, path, Encoding())
    damage(path)
    with pytest.raises(RawSceneError, match=sentence):
        convert_scene(str(path), RECIPE, lake, "train")
    assert not Path(lake.scene_url(parse_name(str(path)).scene_id)).exists()


def test_an_empty_integer_chart(raw: Path, tmp_path: Path) -> None:
    path = tmp_path / raw.name
    write_encoded(raw, path, Encoding(chart="u1", none=255))
    with netCDF4.Dataset(path, "a") as data:
        data["polygon_icechart"][:] = 255
    with open_scene(str(path)) as scene, pytest.raises(RawSceneError, match=r"is empty .* the scene has no label"):
        scene.polygon_ids()
