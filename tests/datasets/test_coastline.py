"""The land of the north: what lies in it, and which of its edges are a shore."""

import numpy as np
import pytest
from matplotlib.path import Path

from datasets.coastline import FILE, SOUTH, land_rings, shore_lines


@pytest.mark.parametrize(
    ("longitude", "latitude", "land"),
    [
        (-40, 72, True),  # Greenland
        (-19, 65, True),  # Iceland
        (-74, 68, True),  # Baffin Island
        (15, 79, True),  # Svalbard
        (-85, 45, True),  # no lakes are cut out
        (-60, 72, False),  # Baffin Bay
        (-85, 60, False),  # Hudson Bay
        (-140, 74, False),  # Beaufort Sea
        (0, 75, False),  # Greenland Sea
    ],
)
def test_where_there_is_land(longitude: float, latitude: float, land: bool) -> None:
    assert any(Path(ring).contains_point((longitude, latitude)) for ring in land_rings()) is land


def test_rings_are_closed_and_lie_north_of_the_cut() -> None:
    for ring in land_rings():
        np.testing.assert_array_equal(ring[0], ring[-1])
        assert ring[:, 1].min() > SOUTH - 0.01
        assert np.abs(ring[:, 0]).max() <= 180.001


def test_the_cut_is_an_arc_and_no_shore() -> None:
    on_cut = [ring for ring in land_rings() if (ring[:, 1] < SOUTH + 0.01).sum() > 10]
    assert on_cut, "continents go on in the south"
    for ring in on_cut:
        steps = np.abs(np.diff(ring[:, 0]))[(ring[:-1, 1] < SOUTH + 0.01) & (ring[1:, 1] < SOUTH + 0.01)]
        assert steps.max() <= 2.01
    for line in shore_lines():
        low = line[:, 1] < SOUTH + 0.01
        assert not (low[:-1] & low[1:]).any()
        edge = np.abs(line[:, 0]) > 179.99
        assert not (edge[:-1] & edge[1:]).any()
    assert sum(map(len, shore_lines())) > 0.9 * sum(map(len, land_rings()))


def test_the_file_is_small_and_says_where_it_is_from() -> None:
    assert FILE.stat().st_size < 200_000
    head = FILE.read_text()[:300]
    assert "Natural Earth" in head
    assert "public domain" in head
