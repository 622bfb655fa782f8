"""Rounding keeps its promise on every value, and leaves what it cannot round."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from ingest.precision import border_step, geolocation_step, rounded, step_for


@given(arrays(np.float32, 40, elements=st.floats(-400, 400, width=32)), st.floats(1e-4, 1.0))
def test_error_is_within_the_asked_precision(values: NDArray, precision: float) -> None:
    found = rounded(values, step_for(precision))
    spacing = np.spacing(np.abs(values).astype(np.float32))
    assert (np.abs(found.astype(np.float64) - values) <= precision + spacing).all()
    np.testing.assert_array_equal(rounded(found, step_for(precision)), found)


@given(st.floats(1e-6, 100.0))
def test_step_is_the_largest_of_three_bits_that_keeps_the_precision(precision: float) -> None:
    step = step_for(precision)
    assert step / 2 <= precision < step / 2 * 1.25
    mantissa, _ = np.frexp(step)
    assert mantissa * 8 in (4, 5, 6, 7)


@given(arrays(np.int16, 40), st.floats(0.002, 1.0))
def test_whole_numbers_of_any_step_are_exact_in_float32(numbers: NDArray, precision: float) -> None:
    step = step_for(precision)
    values = numbers.astype(np.float32) * np.float32(step)
    np.testing.assert_array_equal(values.astype(np.float64), numbers * step)
    np.testing.assert_array_equal(rounded(values, step), values)


def test_no_data_stays_no_data() -> None:
    values = np.array([np.nan, np.inf, 1.3], np.float32)
    found = rounded(values, 0.5)
    assert np.isnan(found[0])
    assert found[1:].tolist() == [np.inf, 1.5]


def test_zero_keeps_every_bit() -> None:
    values = np.random.default_rng(0).normal(size=100).astype(np.float32)
    assert rounded(values, step_for(0.0)) is values
    assert step_for(0.01) == 5 / 256


def test_rounding_in_place() -> None:
    values = np.linspace(-3, 3, 200_000, dtype=np.float32).reshape(400, 500)
    expected = rounded(values, 0.25)
    assert rounded(values, 0.25, out=values) is values
    np.testing.assert_array_equal(values, expected)
    assert set(np.unique(values * 4)) == set(np.arange(-12.0, 13.0))


@given(st.integers(1, 50))
def test_steps_grow_with_the_pixels_of_the_ratio(ratio: int) -> None:
    pixel_m = 40 * ratio
    # The error is half a step; metres of a degree.
    north, east = (geolocation_step(name, ratio) / 2 * 111_200 for name in ("sar_latitude", "sar_longitude"))
    assert north <= pixel_m * 0.35
    assert np.hypot(north, east * np.cos(np.radians(60))) < pixel_m / 2
    assert border_step(ratio) / 2 <= pixel_m * 0.1
    for step in (geolocation_step("sar_latitude", ratio), border_step(ratio)):
        assert np.log2(step) == round(np.log2(step))


def test_whole_pixels_of_border_distance_are_exact() -> None:
    distances = np.arange(0, 400_000, 40, dtype=np.float32)
    np.testing.assert_array_equal(rounded(distances, border_step(1)), distances)
