"""Pixels of the tie points, inferred from their latitude and longitude, against those that the raw file states."""

import numpy as np
import pytest

from ingest.sample.geography import tie_points, track_point
from ingest.tie_positions import tie_axis, tie_positions


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize(
    ("lines", "samples", "duration", "shape"),
    [
        (10006, 10458, 60, (21, 21)),
        (10000, 10401, 60, (21, 21)),  # 10000 and 10001 have other steps: 500 and 501
        (10001, 10400, 60, (21, 21)),
        (6575, 10598, 40, (15, 21)),
        (10720, 10451, 64, (23, 21)),
        (2400, 10371, 15, (6, 21)),
        (421, 520, 60, (21, 21)),
    ],
)
def test_positions_are_those_of_the_raw_file(
    lines: int, samples: int, duration: int, shape: tuple[int, int], flipped: bool
) -> None:
    points = tie_points(track_point(74.0, -178.0, "descending"), lines=lines, samples=samples, duration=duration)
    grids = {name: values.reshape(shape) for name, values in points.items()}
    line, sample = grids["sar_grid_line"][:, 0], grids["sar_grid_sample"][0]
    latitude, longitude = grids["sar_grid_latitude"], grids["sar_grid_longitude"]
    if flipped:
        latitude, longitude = latitude[::-1, ::-1], longitude[::-1, ::-1]
        line, sample = lines - 1 - line[::-1], samples - 1 - sample[::-1]
    found = tie_positions(latitude, longitude, (lines // 2, samples // 2))
    for inferred, stated in zip(found, (line, sample), strict=True):
        assert inferred.shape == stated.shape
        np.testing.assert_allclose(inferred, stated, atol=1)


@pytest.mark.parametrize(("n", "mean", "std"), [(10006, 5009.285714, 3032.527504), (10458, 5229.857143, 3166.686405)])
def test_tie_axis_reproduces_a_real_scene(n: int, mean: float, std: float) -> None:
    axis = tie_axis(n, 21)
    assert (axis.mean(), axis.std()) == (pytest.approx(mean, abs=1e-6), pytest.approx(std, abs=1e-6))
    assert (axis[0], axis[-1]) == (0, n - 1)


@pytest.mark.parametrize("points", [10, 15, 21, 26])
def test_tie_axis_rises_on_every_length(points: int) -> None:
    for n in range(100, 700):
        axis = tie_axis(n, points)
        assert axis.size == points
        assert (np.diff(axis) > 0).all()
        assert axis[-1] == n - 1
