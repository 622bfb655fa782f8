"""Positions on the grids of a scene, and interpolation between them."""

import numpy as np
import pytest

from datasets.grids import centres, interpolate, km2_index, pixel_spacing


def test_centres_of_blocks_are_means_of_the_pixels_below_them() -> None:
    assert pixel_spacing(5) == 200
    for ratio in (1, 2, 5):
        pixels = np.arange(4 * ratio).reshape(4, ratio).mean(axis=1)
        np.testing.assert_array_equal(centres(1, 4, ratio), pixels[1:])


def test_the_centre_of_a_cell_of_50_pixels_is_its_index() -> None:
    cells = np.arange(200.0).reshape(4, 50).mean(axis=1)
    np.testing.assert_allclose(km2_index(cells), [0, 1, 2, 3])


@pytest.mark.parametrize("axis", [0, 1])
def test_interpolation_is_linear_and_holds_the_last_node(axis: int) -> None:
    values = np.array([[0.0, 10.0, 30.0]] * 2, np.float32)
    values = values if axis == 1 else values.T
    found = interpolate(values, np.array([-3.0, 0.25, 1.5, 2.0, 9.0]), axis)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found if axis == 1 else found.T, [[0, 2.5, 20, 30, 30]] * 2)


def test_a_node_that_is_met_takes_no_nan_from_its_neighbour() -> None:
    found = interpolate(np.array([1.0, np.nan, 3.0, 4.0]), np.array([0.0, 0.5, 1.5, 2.0]), 0)
    np.testing.assert_array_equal(found, [1.0, np.nan, np.nan, 3.0])
    last = interpolate(np.array([1.0, np.nan, 3.0]), np.array([1.5, 2.0, 9.0]), 0)
    np.testing.assert_array_equal(last, [np.nan, 3.0, 3.0])
