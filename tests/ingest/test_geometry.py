"""Geolocation against plain bilinear interpolation, border distance against one scipy transform per polygon."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import distance_transform_edt

from datasets.errors import TiePointsError
from datasets.sigrid import NO_POLYGON
from datasets.tie_grid import INCIDENCE, LATITUDE, LONGITUDE
from ingest.geometry import TiePoints, squared_distance_to_border
from ingest.moments import Moments


def points(lines: list[int], samples: list[int], longitude: float = -40.0) -> dict[str, NDArray]:
    line, sample = (grid.ravel().astype(float) for grid in np.meshgrid(lines, samples, indexing="ij"))
    east = longitude + 0.001 * sample - 0.0004 * line + 1e-7 * line * sample
    return {
        "sar_grid_line": line,
        "sar_grid_sample": sample,
        "sar_grid_latitude": 70 + 0.0005 * line + 0.0002 * sample + 1e-7 * sample**2,
        "sar_grid_longitude": (east + 180) % 360 - 180,
        "sar_grid_incidenceangle": 19 + 0.01 * sample + 1e-6 * sample**2,
        "sar_grid_height": np.zeros(line.size),
    }


LINES, SAMPLES = [0, 30, 60, 90, 107], [0, 25, 50, 75, 100, 125, 133]
SHAPE = (108, 134)


def expected(values: NDArray) -> NDArray:
    grid = RegularGridInterpolator((LINES, SAMPLES), values.reshape(len(LINES), len(SAMPLES)), method="linear")
    return grid(tuple(np.meshgrid(np.arange(SHAPE[0]), np.arange(SHAPE[1]), indexing="ij")))


@pytest.mark.parametrize("name", [LATITUDE, LONGITUDE, INCIDENCE])
def test_full_resolution_is_bilinear_on_the_tie_point_grid(name: str) -> None:
    raw = points(LINES, SAMPLES)
    field = TiePoints.from_points(raw).field(name, SHAPE, 1)
    assert field.dtype == np.float32
    np.testing.assert_allclose(field, expected(raw[f"sar_grid_{name.removeprefix('sar_')}"]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("ratio", [2, 5, 10])
def test_coarser_grids_are_block_means_of_full_resolution(ratio: int) -> None:
    tie_points = TiePoints.from_points(points(LINES, SAMPLES))
    lines, samples = (size // ratio for size in SHAPE)
    full = expected(points(LINES, SAMPLES)["sar_grid_latitude"])[: lines * ratio, : samples * ratio]
    means = full.reshape(lines, ratio, samples, ratio).mean(axis=(1, 3))
    np.testing.assert_allclose(tie_points.field(LATITUDE, SHAPE, ratio), means, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("shape", "ratio"), [((61, 4300), 1), ((4300, 61), 2), ((97, 9000), 4)])
def test_fields_larger_than_a_tile_are_seamless(shape: tuple[int, int], ratio: int) -> None:
    nodes = [sorted({*range(0, size - 1, 13 if size < 100 else 700), size - 1}) for size in shape]
    tie_points = TiePoints.from_points(points(*nodes))
    grid = RegularGridInterpolator(nodes, tie_points.fields[INCIDENCE], method="linear")
    full = grid(tuple(np.meshgrid(*map(np.arange, shape), indexing="ij")))
    lines, samples = (size // ratio for size in shape)
    blocks = full[: lines * ratio, : samples * ratio].reshape(lines, ratio, samples, ratio)
    found = tie_points.field(INCIDENCE, shape, ratio)
    np.testing.assert_allclose(found, blocks.mean(axis=(1, 3)), rtol=3e-7)


@pytest.mark.parametrize("longitude", [-40.0, 179.95])
def test_windows_are_parts_of_the_field(longitude: float) -> None:
    tie_points = TiePoints.from_points(points(LINES, SAMPLES, longitude))
    whole = tie_points.field(LONGITUDE, SHAPE, 2, step=2.0**-9)
    raster = tie_points.raster(LONGITUDE, SHAPE, 2, step=2.0**-9)
    assert (raster.shape, raster.dtype) == (whole.shape, whole.dtype)
    for window in (np.s_[0:1, 0:1], np.s_[3:20, 7:40], np.s_[5 : whole.shape[0], 2 : whole.shape[1]]):
        np.testing.assert_array_equal(raster[window], whole[window])


@pytest.mark.parametrize("longitude", [-40.0, 179.95])
@pytest.mark.parametrize("ratio", [1, 5])
def test_rounded_fields_are_multiples_of_the_step(ratio: int, longitude: float) -> None:
    tie_points = TiePoints.from_points(points(LINES, SAMPLES, longitude))
    for name in (LATITUDE, LONGITUDE, INCIDENCE):
        step = 2.0**-9
        exact, found = tie_points.field(name, SHAPE, ratio), tie_points.field(name, SHAPE, ratio, step=step)
        np.testing.assert_allclose(found, exact, rtol=0, atol=step / 2 + 1e-5)
        assert (found / step == np.rint(found / step)).all()
        assert (found != exact).any()


@pytest.mark.parametrize("ratio", [1, 2, 5])
@pytest.mark.parametrize("longitude", [-40.0, 179.95])
def test_moments_are_those_of_the_field(ratio: int, longitude: float) -> None:
    tie_points = TiePoints.from_points(points(LINES, SAMPLES, longitude))
    for name in (LATITUDE, LONGITUDE, INCIDENCE):
        found, direct = tie_points.moments(name, SHAPE, ratio), Moments.of(tie_points.field(name, SHAPE, ratio))
        assert found.count == direct.count
        assert found.mean == pytest.approx(direct.mean, abs=1e-5)
        assert found.m2 == pytest.approx(direct.m2, rel=1e-4)


def test_order_of_points_does_not_matter() -> None:
    raw = points(LINES, SAMPLES)
    mixed = np.random.default_rng(0).permutation(len(LINES) * len(SAMPLES))
    shuffled = TiePoints.from_points({name: values[mixed] for name, values in raw.items()})
    np.testing.assert_array_equal(shuffled.fields[LATITUDE], TiePoints.from_points(raw).fields[LATITUDE])


def test_longitude_crosses_the_antimeridian_without_a_swing() -> None:
    tie_points = TiePoints.from_points(points(LINES, SAMPLES, longitude=179.95))
    field = tie_points.field(LONGITUDE, SHAPE, 1)
    assert field.min() >= -180
    assert field.max() <= 180
    assert (field > 179).any()
    assert (field < -179).any()
    assert not ((field > -179) & (field < 179)).any()
    west, _, east, _ = tie_points.bbox
    assert west > 179
    assert east < -179


def test_points_that_are_no_grid_are_refused() -> None:
    raw = points(LINES, SAMPLES)
    with pytest.raises(TiePointsError, match="34 tie points do not form a grid of 5 lines x 7 samples"):
        TiePoints.from_points({name: values[1:] for name, values in raw.items()})
    raw["sar_grid_latitude"][3] = np.nan
    with pytest.raises(TiePointsError, match="NaN in sar_latitude"):
        TiePoints.from_points(raw)


def per_polygon(ids: NDArray) -> NDArray:
    """One exact transform per polygon, as defined; the frame is no border."""
    result = np.zeros(ids.shape)
    for polygon in set(np.unique(ids).tolist()) - {NO_POLYGON}:
        inside = ids == polygon
        distance = distance_transform_edt(inside) * 40 if not inside.all() else np.full(ids.shape, np.inf)
        result[inside] = distance[inside]
    return result


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.tuples(st.integers(1, 60), st.integers(1, 60)), st.integers(1, 6))
def test_distance_is_exact(seed: int, shape: tuple[int, int], polygons: int) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.choice(
        np.array([0, 3, 7, 40, 200, NO_POLYGON], np.uint16)[:polygons], (shape[0] // 9 + 1, shape[1] // 9 + 1)
    )
    ids = np.kron(coarse, np.ones((9, 9), np.uint16))[: shape[0], : shape[1]].astype(np.uint16)
    np.testing.assert_allclose(squared_distance_to_border(ids), per_polygon(ids) ** 2, rtol=1e-6)


@pytest.mark.parametrize("polygons", [255, 256])
def test_distance_is_exact_between_more_polygons_than_a_byte_can_tell_apart(polygons: int) -> None:
    rng = np.random.default_rng(polygons)
    names = rng.permutation(NO_POLYGON)[: polygons - 1]
    ids = np.full((140, 66), NO_POLYGON, np.uint16)
    ids[:76] = 7
    for place, name in enumerate([7, *names.tolist()]):
        line, sample = divmod(place, 16)
        ids[4 + 4 * line : 8 + 4 * line, 1 + 4 * sample : 5 + 4 * sample] = name
    np.testing.assert_allclose(squared_distance_to_border(ids), per_polygon(ids) ** 2, rtol=1e-6)


def test_distance_where_one_polygon_fills_the_scene_is_infinite() -> None:
    assert np.isinf(squared_distance_to_border(np.full((5, 7), 3, np.uint16))).all()
    assert (squared_distance_to_border(np.full((5, 7), NO_POLYGON, np.uint16)) == 0).all()
