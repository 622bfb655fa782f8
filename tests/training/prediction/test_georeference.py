"""Positions agree with places that were computed without our code, also where longitudes jump or meridians meet."""

from dataclasses import replace

import numpy as np
import pytest
from pyproj import Geod

from datasets.errors import TiePointsError
from datasets.lake import Lake
from datasets.tie_grid import LONGITUDE
from ingest.sample.geography import TrackPoint, tie_points
from tests.training.prediction.places import PLACES, counted_map, georeference, truth
from training.prediction.georeference import Georeference, control_points

WGS84 = Geod(ellps="WGS84")


@pytest.mark.parametrize("ratio", [1, 2, 25])
@pytest.mark.parametrize("centre", PLACES)
def test_positions_are_those_of_the_orbit(centre: TrackPoint, ratio: int) -> None:
    place = georeference(centre, ratio)
    lines, samples = place.shape
    for start in (0, lines // 2 - 3, lines - 2):
        latitude, longitude = place.strip(start, start + 2)
        assert (latitude.shape, latitude.dtype, longitude.dtype) == ((2, samples), np.float32, np.float32)
        line, sample = np.meshgrid(np.arange(start, start + 2), np.arange(0, samples, 7), indexing="ij")
        east, north = truth(centre, *(each.ravel() * ratio + (ratio - 1) / 2 for each in (line, sample)))
        off = WGS84.inv(east, north, longitude[:, ::7].ravel(), latitude[:, ::7].ravel())[2]
        assert np.max(off) < 2.0  # metres; linear in degrees it would be 143 in the far north


def test_the_pole_and_the_date_line_are_places_like_others() -> None:
    centre = TrackPoint(latitude=89.0, longitude=10.0, heading=-40.0)  # the pole is in the scene
    latitude, longitude = georeference(centre, 20).strip(0, 500)
    line, sample = (each.ravel() for each in np.meshgrid(np.arange(500), np.arange(520), indexing="ij"))
    off = WGS84.inv(*truth(centre, line * 20 + 9.5, sample * 20 + 9.5), longitude.ravel(), latitude.ravel())[2]
    assert latitude.max() > 89.99
    assert np.max(off) < 2.0
    assert np.abs(longitude).max() <= 180


def test_strips_are_parts_of_one_field() -> None:
    place = georeference(PLACES[1], 10)
    whole, part = place.strip(0, 1000), place.strip(640, 647)
    assert all(np.array_equal(a[640:647], b) for a, b in zip(whole, part, strict=True))


@pytest.mark.parametrize("centre", PLACES)
def test_control_points_are_at_the_centres_of_their_pixels(centre: TrackPoint) -> None:
    data = counted_map(centre)
    points = control_points(data)
    line, sample, latitude, longitude = np.array(points).T
    assert (line.min(), line.max(), sample.min(), sample.max()) == (0.5, 499.5, 0.5, 519.5)  # from the edge, GDAL's way
    assert len(points) == 21 * 21
    east, north = truth(centre, line * 20 - 0.5, sample * 20 - 0.5)  # the centre of the first block of 20 is 9.5
    assert np.max(WGS84.inv(east, north, longitude, latitude)[2]) < 2.0


def test_a_small_map_has_fewer_points() -> None:
    assert len(control_points(counted_map(PLACES[0]).isel(line=slice(0, 5), sample=slice(0, 30)))) == 5 * 21


def test_a_scene_of_a_lake_has_its_place(tiny_lake: Lake) -> None:
    scene = tiny_lake.scene(tiny_lake.catalog().scene_ids[0])
    place = Georeference.of(scene, 10)
    latitude, longitude = place.strip(0, place.shape[0])
    stored = scene.open(10)
    assert latitude.shape == scene.shape(10)
    np.testing.assert_allclose(latitude, stored.sar_latitude, atol=2e-3)
    np.testing.assert_allclose(longitude, stored.sar_longitude, atol=5e-3)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda points: {}, "it has no sar_grid_line"),
        (lambda points: points | {"sar_grid_latitude": points["sar_grid_latitude"] * np.nan}, "NaN in sar_latitude"),
        (lambda points: points | {"sar_grid_latitude": points["sar_grid_latitude"] + 60}, "beyond the poles"),
        (
            lambda points: (
                points | {name: points[name] * 0 + 60 for name in ("sar_grid_latitude", "sar_grid_longitude")}
            ),
            "neighbours lie at the same place",
        ),
        (lambda points: {name: values[:-1] for name, values in points.items()}, "do not form a grid"),
    ],
)
def test_unusable_tie_points_are_one_sentence(
    tiny_lake: Lake, monkeypatch: pytest.MonkeyPatch, change: object, why: str
) -> None:
    scene = tiny_lake.scene(tiny_lake.catalog().scene_ids[0])
    points = scene.tie_points()
    monkeypatch.setattr(scene, "tie_points", lambda: change(points))  # type: ignore[operator]
    with pytest.raises(TiePointsError, match=f"{scene.record.scene_id} has no usable tie points .*{why}.*: build"):
        Georeference.of(scene, 10)


def test_a_pole_among_the_tie_points_is_no_fault(tiny_lake: Lake) -> None:
    points = tie_points(TrackPoint(latitude=90.0, longitude=0.0, heading=0.0), lines=41, samples=41, duration=60)
    place = georeference(PLACES[0], 1)
    fields = {**place.tie_grid.fields, LONGITUDE: place.tie_grid.fields[LONGITUDE] + 360}
    turned = replace(place, tie_grid=replace(place.tie_grid, fields=fields))
    np.testing.assert_allclose(turned.strip(5, 6)[1], place.strip(5, 6)[1], atol=1e-4)
    assert np.max(points["sar_grid_latitude"]) == pytest.approx(90)
