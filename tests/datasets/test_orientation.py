"""Pictures have north up and east to the right, by their own latitude and longitude."""

import numpy as np
import pytest
from numpy.typing import NDArray

from datasets.orientation import Orientation, north_of
from datasets.tie_grid import LATITUDE, LONGITUDE, TieGrid
from ingest.sample.geography import TrackPoint, tie_points, track_point
from ingest.sample.regions import Direction

Fields = tuple[NDArray[np.float64], NDArray[np.float64]]


def pass_over(latitude: float, longitude: float, direction: Direction) -> Fields:
    """Latitude and longitude of a full scene of a right-looking satellite by line and sample."""
    return fields_of(track_point(latitude, longitude, direction))


def fields_of(centre: TrackPoint) -> Fields:
    ties = TieGrid.from_points(tie_points(centre, lines=10_000, samples=10_400, duration=60))
    return ties.fields[LATITUDE], ties.fields[LONGITUDE]


def drawn_well(latitude: NDArray[np.float64], longitude: NDArray[np.float64]) -> tuple[float, float]:
    """Degrees by which the top is farther north than the bottom, and km by which the right is farther east."""
    northward = latitude[0].mean() - latitude[-1].mean()
    degrees = np.unwrap(longitude, period=360, axis=1)
    eastward = (degrees[:, -1] - degrees[:, 0]).mean() * 111 * np.cos(np.radians(latitude.mean()))
    return float(northward), float(eastward)


@pytest.mark.parametrize("direction", ["ascending", "descending"])
@pytest.mark.parametrize("longitude", [-52.3, 12.0, 180.0])
@pytest.mark.parametrize("latitude", [-75.0, -62.0, 0.0, 60.0, 71.0, 77.9, 79.5, 82.4])
def test_north_is_up_and_east_is_right(latitude: float, longitude: float, direction: Direction) -> None:
    fields = pass_over(latitude, longitude, direction)
    way = Orientation.of(*fields)
    north, east = drawn_well(way.apply(fields[0]), way.apply(fields[1]))
    # 400 km, turned by 45 degrees at most.
    assert north > 1.5, (way, north)
    assert east > 170, (way, east)


def test_the_file_itself_would_be_mirrored_and_of_an_ascending_pass_upside_down() -> None:
    north, east = drawn_well(*pass_over(68.5, -56.0, "descending"))
    assert (north > 0, east > 0) == (True, False)
    north, east = drawn_well(*pass_over(68.5, -56.0, "ascending"))
    assert (north > 0, east > 0) == (False, True)


def test_turns_only_what_stands_nearer_to_east_west() -> None:
    assert Orientation.of(*pass_over(70.0, 0.0, "descending")) == Orientation(flipped_across=True)
    assert Orientation.of(*pass_over(70.0, 0.0, "ascending")) == Orientation(flipped_down=True)
    assert Orientation.of(*fields_of(TrackPoint(latitude=70.0, longitude=0.0, heading=-50.0))).transposed
    assert Orientation.of(*fields_of(TrackPoint(latitude=70.0, longitude=0.0, heading=-40.0))).transposed is False


@pytest.mark.parametrize("heading", [-80.0, -30.0, 20.0, 100.0, 200.0])
def test_a_scene_over_a_pole_is_turned_as_far_as_it_goes(heading: float) -> None:
    for latitude in (89.5, -89.5):
        fields = fields_of(TrackPoint(latitude=latitude, longitude=30.0, heading=heading))
        way = Orientation.of(*fields)
        # One turn without a mirror: going round the corners clockwise, the ground goes round clockwise too.
        assert (way.transposed + way.flipped_down + way.flipped_across) % 2 == 1


def test_moves_pixels_and_nothing_else() -> None:
    values = np.arange(6).reshape(2, 3)
    assert Orientation().apply(values).tolist() == values.tolist()
    assert Orientation(flipped_across=True).apply(values).tolist() == [[2, 1, 0], [5, 4, 3]]
    turned = Orientation(transposed=True, flipped_down=True).apply(values)
    assert turned.tolist() == [[2, 5], [1, 4], [0, 3]]
    assert turned.shape == Orientation(transposed=True).shape(2, 3)
    assert Orientation(transposed=True).apply(values[None]).shape == (1, 3, 2), "layers before lines and samples stay"
    assert np.shares_memory(turned, values), "a view"


@pytest.mark.parametrize("heading", [-170.0, -47.0, -20.0, 30.0, 135.0])
@pytest.mark.parametrize("latitude", [-70.0, 70.0])
def test_the_arrow_points_where_latitude_rises(heading: float, latitude: float) -> None:
    fields = fields_of(TrackPoint(latitude=latitude, longitude=-120.0, heading=heading))
    way = Orientation.of(*fields)
    shown = way.apply(fields[0])
    right, up = north_of(shown, way.apply(fields[1]))
    slope = [
        np.polyfit(np.arange(shown.shape[axis]) / shown.shape[axis], shown.mean(axis=1 - axis), 1)[0] for axis in (0, 1)
    ]
    assert np.hypot(right, up) == pytest.approx(1)
    assert up > 0.69, "at most 45 degrees from the top"
    assert np.degrees(np.arctan2(right, up)) == pytest.approx(np.degrees(np.arctan2(slope[1], -slope[0])), abs=5)


def test_words_say_where_lines_run() -> None:
    assert Orientation().words == "lines run downwards"
    assert Orientation(flipped_down=True).words == "lines run upwards"
    assert Orientation(transposed=True, flipped_across=True).words == "lines run leftwards"
