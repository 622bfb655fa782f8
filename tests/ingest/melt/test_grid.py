"""The 25 km grid by its formula, and the cells under a scene."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as Polygon
from numpy.typing import NDArray

from datasets.tie_grid import LATITUDE, LONGITUDE
from ingest.geometry import TiePoints
from ingest.melt.grid import COLUMNS, cell_centres, cell_degrees, cells_at, footprint_cells, project
from ingest.sample.geography import tie_points as geolocation
from ingest.sample.geography import track_point


def stereographic(latitude: NDArray, longitude: NDArray) -> tuple[NDArray, NDArray]:
    """Polar stereographic forward formulas on the Hughes ellipsoid (Snyder 1987, 21-33 to 21-40), metres."""
    a, b = 6378273.0, 6356889.449
    e = np.sqrt(1 - (b / a) ** 2)

    def t(phi: NDArray) -> NDArray:
        return np.tan(np.pi / 4 - phi / 2) / ((1 - e * np.sin(phi)) / (1 + e * np.sin(phi))) ** (e / 2)

    phi, true = np.radians(latitude), np.radians(70.0)
    m = np.cos(true) / np.sqrt(1 - (e * np.sin(true)) ** 2)
    rho = a * m * t(phi) / t(true)
    turn = np.radians(np.asarray(longitude) + 45.0)
    return rho * np.sin(turn), -rho * np.cos(turn)


def test_cell_centres_are_those_of_the_25_km_grid() -> None:
    centres = cell_centres()
    assert centres.shape == (448, 304, 2)
    np.testing.assert_array_equal(centres[0, 0], [-3_837_500, 5_837_500])
    np.testing.assert_array_equal(centres[447, 303], [3_737_500, -5_337_500])
    np.testing.assert_array_equal(centres[10, 20], [-3_837_500 + 20 * 25_000, 5_837_500 - 10 * 25_000])


def test_places_fall_into_the_cells_of_the_formula() -> None:
    latitude, longitude = np.array([72.0, 59.8, 82.4, 66.0, 52.0]), np.array([-69.0, -44.5, -28.0, 180.0, -54.0])
    x, y = stereographic(latitude, longitude)
    np.testing.assert_allclose(project(latitude, longitude), np.stack([x, y], axis=-1), rtol=0, atol=1e-3)
    flat = np.floor((5_850_000 - y) / 25_000) * 304 + np.floor((x + 3_850_000) / 25_000)
    np.testing.assert_array_equal(cells_at(latitude, longitude), np.sort(flat))
    assert cells_at(np.array([90.0]), np.array([0.0])) == [234 * 304 + 154]


def test_cells_and_degrees_are_inverse() -> None:
    latitude, longitude = cell_degrees()
    np.testing.assert_array_equal(cells_at(latitude, longitude), np.arange(448 * 304))


def test_places_outside_the_grid_have_no_cell() -> None:
    assert cells_at(np.array([10.0, -60.0]), np.array([-45.0, 100.0])).size == 0


def scene(latitude: float, longitude: float, *, lines: int = 10_000, samples: int = 10_400) -> TiePoints:
    centre = track_point(latitude, longitude, "descending")
    return TiePoints.from_points(geolocation(centre, lines=lines, samples=samples, duration=60))


def test_a_full_scene_covers_its_area_in_cells() -> None:
    """400 km x 416 km on the ground is 266 cells of the true-scale area; at 72 N the map is 1 % larger."""
    assert 266 <= footprint_cells(scene(72, -69)).size <= 266 + 70  # border cells


def test_the_smallest_scene_has_its_cell() -> None:
    tiny = scene(72, -69, lines=100, samples=100)
    assert set(cells_at(np.array([72.0]), np.array([-69.0]))) <= set(footprint_cells(tiny))
    assert 1 <= footprint_cells(tiny).size <= 4


def test_a_scene_over_the_pole_or_the_antimeridian_is_one_patch() -> None:
    for latitude, longitude in ((89.5, 10.0), (72.0, 179.9)):
        rows, columns = np.divmod(footprint_cells(scene(latitude, longitude)), COLUMNS)
        assert np.ptp(rows) < 26
        assert np.ptp(columns) < 26
        assert 240 < rows.size < 350


def test_a_scene_outside_the_grid_has_no_cells() -> None:
    assert footprint_cells(scene(5, -45)).size == 0


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    latitude=st.floats(50, 89),
    longitude=st.floats(-180, 180),
    lines=st.integers(100, 10_000),
    samples=st.integers(100, 10_400),
)
def test_footprints_hold_their_tie_points_and_agree_with_another_polygon_test(
    latitude: float, longitude: float, lines: int, samples: int
) -> None:
    tie_points = scene(latitude, longitude, lines=lines, samples=samples)
    found = set(footprint_cells(tie_points))
    held = set(cells_at(tie_points.fields[LATITUDE], tie_points.fields[LONGITUDE]))
    assert held <= found
    corners = project(tie_points.fields[LATITUDE], tie_points.fields[LONGITUDE])
    outline = np.concatenate([corners[0], corners[1:, -1], corners[-1, -2::-1], corners[-2:0:-1, 0]])
    inside = set(np.flatnonzero(Polygon(outline).contains_points(cell_centres().reshape(-1, 2))))
    assert found == held | inside
    turned = TiePoints(
        lines=tie_points.lines,
        samples=tie_points.samples,
        fields={name: values[::-1, ::-1] for name, values in tie_points.fields.items()},
    )
    assert set(footprint_cells(turned)) == found
