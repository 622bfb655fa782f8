"""GeoTIFF files put every pixel where it lies, to half a pixel, and say all that a program needs to draw them."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
import rasterio.shutil

from datasets import class_colours
from datasets.errors import IceBenchError
from datasets.labels import SOD
from ingest.sample.geography import TrackPoint
from tests.training.prediction.places import DATE_LINE, DAVIS_STRAIT, FAR_NORTH, counted_map, pixel_offsets
from training.prediction import georeference
from training.prediction.georeference import control_points
from training.prediction.geotiff import GeoTiffError, check_place, check_projection, geotiff_paths, write_geotiff
from training.prediction.scene_map import LAND

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
RATIO = 20


@pytest.mark.parametrize(
    ("centre", "crs"),
    [(DAVIS_STRAIT, "EPSG:3978"), (DATE_LINE, "EPSG:3413"), (FAR_NORTH, "EPSG:3413"), (FAR_NORTH, "EPSG:3411")],
)
def test_warped_pixels_are_where_the_orbit_has_them(centre: TrackPoint, crs: str, tmp_path: Path) -> None:
    classes, layers = write_geotiff(counted_map(centre, RATIO), tmp_path, crs=crs)[2:4]
    with rasterio.open(layers) as file, rasterio.open(classes) as one:
        counts, found, transform = file.read([1, 2, 3, 4]), one.read(1), file.transform
        assert file.crs == rasterio.crs.CRS.from_user_input(crs)
        assert file.res == (800.0, 800.0)
        assert transform.c % 800 == transform.f % 800 == 0
        assert file.shape == one.shape
    row, column = np.nonzero(counts[0] != 255)
    targets = np.stack([transform.c + 800 * (column + 0.5), transform.f - 800 * (row + 0.5)])
    off = np.abs(pixel_offsets(centre, RATIO, counts[:, row, column], targets, crs))
    assert np.max(off) < 0.625  # half a pixel to the nearest, and the eighth that GDAL takes the splines to
    assert np.mean(off) == pytest.approx(0.25, abs=0.01)
    lines, samples = (200 * counts[i].astype(int) + counts[i + 1] for i in (0, 2))
    sea = found < 6
    assert np.array_equal(found[sea], ((lines + samples) % 6)[sea])
    assert np.array_equal(found == 255, counts[0] == 255)
    assert not any((counts[0] != 255)[edge].any() for edge in (0, -1))  # nothing is cut off
    assert not any((counts[0] != 255)[:, edge].any() for edge in (0, -1))
    area = np.count_nonzero(counts[0] != 255) / (500 * 510)
    assert 0.9 < area < 1.15


def test_swath_files_have_control_points_and_are_the_map(tmp_path: Path) -> None:
    data = counted_map(DATE_LINE, RATIO)
    classes, layers = write_geotiff(data, tmp_path)[:2]
    assert [path.name for path in (classes, layers)] == [
        "20180325T194759_dmi_SOD_swath.tif",
        "20180325T194759_dmi_SOD_layers_swath.tif",
    ]
    with rasterio.open(classes) as file:
        points, crs = file.gcps
        assert crs.to_epsg() == 4326
        assert (len(points), points[0].row, points[0].col, points[-1].row, points[-1].col) == (
            441,
            0.5,
            0.5,
            499.5,
            519.5,
        )
        longitudes = np.array([point.x for point in points])
        assert np.ptp(longitudes) < 25  # no jump at 180
        assert longitudes[-1] % 360 == pytest.approx(float(data.longitude[-1, -1]) % 360, abs=1e-4)
        assert points[-1].y == pytest.approx(float(data.latitude[-1, -1]), abs=1e-4)
        assert np.array_equal(file.read(1), data.SOD)
        assert file.tags()["scene_id"] == "20180325T194759_dmi"
    with rasterio.open(layers) as file:
        assert np.array_equal(file.read(), np.concatenate([data.SOD_probability, data.SOD_entropy.values[None]]))
        assert file.descriptions[5] == "SOD probability of old ice"
        assert file.scales == (0.01,) * 7
        assert file.nodata == 255


def test_files_are_tiled_and_coloured_and_name_their_classes(tmp_path: Path) -> None:
    paths = write_geotiff(counted_map(DAVIS_STRAIT, RATIO), tmp_path)
    assert [path.name for path in paths[4:]] == [f"{paths[0].name}.aux.xml", f"{paths[2].name}.aux.xml"]
    for path in paths[:4]:
        with rasterio.open(path) as file:
            assert (file.compression.value, file.block_shapes[0], file.overviews(1)[:1]) == ("DEFLATE", (512, 512), [2])
            assert file.interleaving.value == "BAND" if file.count > 1 else True
    for path in (paths[0], paths[2]):
        with rasterio.open(path) as file:
            colours = file.colormap(1)
            assert colours[5] == (*bytes.fromhex(SOD.colours[5][1:]), 255)
            assert colours[LAND] == (*bytes.fromhex(class_colours.LAND.colour[1:]), 255), "as in pictures"
            assert file.nodata == 255
            assert (file.read(1) == LAND).any()
        rasterio.shutil.copy(path, tmp_path / "seen.vrt", driver="VRT")
        seen = (tmp_path / "seen.vrt").read_text()
        assert "<Category>thick first year ice</Category>" in seen
        assert "<Category>land</Category>" in seen


def test_files_are_written_all_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = counted_map(DAVIS_STRAIT, RATIO)
    (tmp_path / ".20180325T194759_dmi.part").mkdir()
    (tmp_path / ".20180325T194759_dmi.part" / "left").touch()  # of a process that was killed
    with monkeypatch.context() as patch:
        patch.setattr("training.prediction.geotiff._finish", lambda *given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write_geotiff(data, tmp_path)
    assert not list(tmp_path.iterdir())
    paths = write_geotiff(data, tmp_path)
    assert paths == geotiff_paths(data, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in paths}


@pytest.mark.parametrize(
    ("crs", "words"),
    [
        ("EPSG:99999", "unknown to PROJ: give a projected one"),
        ("polar", "unknown to PROJ"),
        ("EPSG:4326", "no projection with lengths"),
        ("EPSG:3857", "as one piece of its own size"),  # torn at the date line
        ("EPSG:3031", "as one piece of its own size"),  # around the other pole
        ("+proj=nothing", "unknown to PROJ"),
        ("+proj=gnom +lat_0=-90", "as one piece of its own size"),  # has no place for the other hemisphere
    ],
)
def test_projections_that_do_not_do_are_one_sentence(
    crs: str, words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(IceBenchError, match=words):
        write_geotiff(counted_map(DATE_LINE, 200), tmp_path, crs=crs)
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr().err == ""  # PROJ and GDAL say nothing beside it


def test_the_grid_of_a_scene_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, data = [], counted_map(DAVIS_STRAIT, 200)
    stretch = georeference._stretch
    monkeypatch.setattr(georeference, "_stretch", lambda places: asked.append(1) or stretch(places))
    places = SimpleNamespace(control_points=lambda: control_points(data), ratio=200)
    check_place(places, "EPSG:3413")  # type: ignore[arg-type]
    write_geotiff(data, tmp_path, crs="EPSG:3413")
    assert len(asked) == 1
    write_geotiff(data, tmp_path, crs="EPSG:3411")
    assert len(asked) == 2, "of another projection it is another one"


def test_a_map_that_xarray_has_unpacked_is_refused(tmp_path: Path) -> None:
    data = counted_map(DAVIS_STRAIT, 200)
    with pytest.raises(GeoTiffError, match="mask_and_scale=False"):
        write_geotiff(data.assign(SOD=data.SOD.astype("float32")), tmp_path)
    with pytest.raises(GeoTiffError, match="no map of SIC, SOD, FLOE"):
        write_geotiff(data[["SOD_entropy"]], tmp_path)


def test_without_rasterio_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.prediction.geotiff.find_spec", lambda name: None)
    with pytest.raises(GeoTiffError, match=r"pip install 'icebench\[maps\]'"):
        check_projection("EPSG:3413")
    assert importlib.util.find_spec("rasterio")
