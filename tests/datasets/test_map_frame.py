"""What is drawn of the ground under a picture, judged by latitude and longitude."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from datasets.lake import Lake
from datasets.map_frame import MapFrame, draw_scale_bar
from datasets.map_panels import Shades
from datasets.picture_sheet import draw_sheet
from datasets.tie_grid import LATITUDE, LONGITUDE, TieGrid
from ingest.sample.geography import tie_points, track_point
from ingest.sample.regions import Direction


def frame_of(latitude: float, longitude: float, direction: Direction) -> MapFrame:
    ties = TieGrid.from_points(
        tie_points(track_point(latitude, longitude, direction), lines=9000, samples=10_400, duration=60)
    )
    shape = {"lines": 90, "samples": 104, "spacing_m": 4000.0}
    return MapFrame.of_nodes(ties.fields[LATITUDE], ties.fields[LONGITUDE], **shape)  # type: ignore[arg-type]


@pytest.mark.parametrize("direction", ["ascending", "descending"])
@pytest.mark.parametrize(("latitude", "longitude"), [(68.5, -56.0), (-68.5, 12.0), (81.0, -28.0), (72.0, 179.0)])
def test_panels_and_graticule_agree_with_latitude_and_longitude(
    latitude: float, longitude: float, direction: Direction
) -> None:
    frame = frame_of(latitude, longitude, direction)
    panels = [
        Shades(title="", values=values, spacing_m=9000 * 40 / n, limits=(-360, 360), units="")
        for values in (frame.latitude, frame.longitude)
        for n in (values.shape[0],)
    ]
    figure = draw_sheet(frame, panels, columns=2, title="")
    drawn = [axes for axes in figure.axes if axes.images]
    north, east = (np.asarray(axes.images[0].get_array()) for axes in drawn)
    assert north[0].mean() > north[-1].mean()
    assert east[:, 0].mean() < east[:, -1].mean()
    names = [label.get_text() for label in drawn[0].get_yticklabels()]
    assert names
    assert all(name.endswith("°N" if latitude > 0 else "°S") for name in names)
    places = drawn[0].get_yticks()
    degrees = [float(name[:-2]) * (1 if latitude > 0 else -1) for name in names]
    edge = frame.orientation.apply(frame.latitude)[:, 0]
    height = frame.size_km[1]
    for place, degree in zip(places, degrees, strict=True):
        assert np.interp(place / height, np.linspace(0, 1, edge.size), edge) == pytest.approx(degree, abs=0.06)
    names = [label.get_text() for label in drawn[0].get_xticklabels()]
    if longitude == -56.0:
        assert all(name.endswith("°W") for name in names)
    if longitude == 179.0:
        assert {name[-1] for name in names} & {"E", "W"}
        assert all(float(name.rstrip("°EW")) <= 180 for name in names), "across the antimeridian"


@pytest.mark.parametrize("shape", [(66, 104), (49, 50), (2, 97), (5000, 5200)])
def test_pixels_that_are_not_evenly_spread_make_straight_lines(shape: tuple[int, int]) -> None:
    lines, samples = (np.arange(size, dtype=np.float64) for size in shape)
    latitude = 70 - 0.01 * lines[:, None] + 0.001 * samples
    longitude = (179.9 + 0.02 * samples + 0.003 * lines[:, None] + 180) % 360 - 180
    fields = (xr.DataArray(field, dims=("line", "sample")) for field in (latitude, longitude))
    frame = MapFrame.of_pixels(*fields, 400.0)
    for field in (frame.latitude, frame.longitude):
        for axis in (0, 1):
            steps = np.diff(field, axis=axis)
            assert np.ptp(steps, axis=axis).max() < 1e-9 if steps.size else True


def test_a_coarser_grid_lies_on_the_same_ground() -> None:
    frame = frame_of(70.0, 0.0, "ascending")  # flipped down: the first line is at the bottom
    width, height = frame.size_km
    assert (width, height) == (416.0, 360.0)
    assert frame.extent((90, 104), 4000.0) == (0.0, width, height, 0.0)
    left, right, bottom, top = frame.extent((44, 51), 8000.0)
    assert (left, right) == (0.0, 408.0)
    assert (bottom, top) == (360.0, 8.0), "what is left out is at the last lines, which are on top"


def test_nodes_of_a_scene_are_the_positions_of_its_pixels(tiny_lake: Lake) -> None:
    scene = tiny_lake.scene(tiny_lake.catalog().records[0].scene_id)
    frame, stored = MapFrame.of_scene(scene, 5), scene.open(5)
    for field, name in ((frame.latitude, LATITUDE), (frame.longitude, LONGITUDE)):
        np.testing.assert_allclose(field[::48, ::48], stored[name].values[[0, -1]][:, [0, -1]], atol=1e-3)


def test_the_bar_is_round_and_within_the_map() -> None:
    frame = frame_of(70.0, 0.0, "descending")
    axes = Figure().add_subplot()
    draw_scale_bar(axes, frame.size_km)
    (start, end), _ = axes.lines[0].get_data()
    assert end - start == 100
    assert [text.get_text() for text in axes.texts] == ["100 km"]
