"""Block reductions equal a naive loop over blocks."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from ingest.errors import RecipeError
from ingest.reduce import (
    block_max,
    block_maxima,
    block_mean,
    block_mean_power,
    block_min,
    block_minima,
    block_mode,
    block_modes,
)


def naive(values: NDArray, ratio: int, reduce: Callable[[NDArray], float]) -> NDArray:
    lines, samples = (size // ratio for size in values.shape)
    result = np.empty((lines, samples), values.dtype)
    for i in range(lines):
        for j in range(samples):
            result[i, j] = reduce(values[i * ratio : (i + 1) * ratio, j * ratio : (j + 1) * ratio])
    return result


def mean_of_finite(block: NDArray) -> float:
    finite = block[~np.isnan(block)].astype(np.float64)
    return float(finite.mean()) if finite.size else float("nan")


shapes = st.tuples(st.integers(5, 23), st.integers(5, 23))
decibels = st.one_of(st.floats(-60, 20, width=32), st.just(np.float32("nan")))


@given(shapes.flatmap(lambda shape: arrays(np.float32, shape, elements=decibels)), st.integers(1, 5))
def test_mean_skips_missing_pixels(values: NDArray, ratio: int) -> None:
    np.testing.assert_allclose(block_mean(values, ratio), naive(values, ratio, mean_of_finite), rtol=1e-5, atol=1e-4)


@given(shapes.flatmap(lambda shape: arrays(np.uint8, shape)), st.integers(1, 5))
def test_max_of_charts(values: NDArray, ratio: int) -> None:
    np.testing.assert_array_equal(block_max(values, ratio), naive(values, ratio, np.max))


@given(shapes.flatmap(lambda shape: arrays(np.float32, shape, elements=st.floats(0, 1e6, width=32))), st.integers(1, 5))
def test_min_of_distances(values: NDArray, ratio: int) -> None:
    np.testing.assert_array_equal(block_min(values, ratio), naive(values, ratio, np.min))


@pytest.mark.parametrize("ratios", [(1, 2, 5, 10), (2, 3, 4, 6, 9), (5,), (10, 2)])
def test_several_ratios_are_each_by_itself(ratios: tuple[int, ...]) -> None:
    """Also where a coarser one is made of a finer one, and neither fills the scene."""
    classes = np.random.default_rng(5).choice(np.array(CHART_VALUES, np.uint8), (97, 119))
    metres = np.random.default_rng(6).uniform(0, 1e6, (97, 119)).astype(np.float32)
    largest, smallest, commonest_ones = (
        block_maxima(classes, ratios), block_minima(metres, ratios), block_modes(classes, ratios)
    )  # fmt: skip
    assert tuple(largest) == tuple(smallest) == tuple(commonest_ones) == ratios
    for ratio in ratios:
        np.testing.assert_array_equal(largest[ratio], naive(classes, ratio, np.max))
        np.testing.assert_array_equal(smallest[ratio], naive(metres, ratio, np.min))
        np.testing.assert_array_equal(commonest_ones[ratio], block_mode(classes, ratio))


def test_infinite_distance_stays_infinite() -> None:
    values = np.full((4, 4), np.inf, np.float32)
    values[0, 0] = 40
    assert block_min(values, 2).tolist() == [[40, np.inf], [np.inf, np.inf]]


def test_strips_are_seamless() -> None:
    """Larger than one strip, with data missing in some strips only."""
    rng = np.random.default_rng(3)
    values = rng.normal(-15, 5, (997, 2503)).astype(np.float32)
    values[:, -40:] = np.nan
    values[700:720, 100:900] = np.nan
    np.testing.assert_allclose(block_mean(values, 10), naive(values, 10, mean_of_finite), rtol=1e-5)


def test_full_blocks_do_not_depend_on_holes_elsewhere() -> None:
    """Blocks with missing pixels are summed apart: in the same order, so that no digit depends on a neighbour."""
    values = np.random.default_rng(4).normal(-15, 5, (60, 90)).astype(np.float32)
    holed = values.copy()
    holed[::7, ::11] = np.nan
    full = ~np.isnan(holed.reshape(12, 5, 18, 5)).any(axis=(1, 3))
    assert full.any()
    assert not full.all()
    np.testing.assert_array_equal(block_mean(holed, 5)[full], block_mean(values, 5)[full])
    np.testing.assert_allclose(block_mean(holed, 5), naive(holed, 5, mean_of_finite), rtol=1e-5)


def test_a_ratio_that_does_not_fit_is_refused() -> None:
    with pytest.raises(RecipeError, match="ratio 12 does not fit a scene of 11 x 40 pixels: use ratios of at most 11"):
        block_mean(np.zeros((11, 40), np.float32), 12)


def commonest(block: NDArray) -> int:
    labelled = block[block != 255]
    if 2 * labelled.size < block.size:
        return 255
    return int(np.argmax(np.bincount(labelled.ravel(), minlength=256)))


CHART_VALUES = (0, 1, 3, 5, 255)


def test_mode_of_every_block_of_two_by_two() -> None:
    blocks = np.array(list(itertools.product(CHART_VALUES, repeat=4)), np.uint8).reshape(-1, 2, 2)
    values = np.concatenate(list(blocks), axis=1)
    np.testing.assert_array_equal(block_mode(values, 2), naive(values, 2, commonest))


@pytest.mark.parametrize("ratio", [3, 4, 5])
def test_mode_of_charts(ratio: int) -> None:
    values = np.random.default_rng(ratio).choice(np.array(CHART_VALUES, np.uint8), (40 * ratio + 1, 20 * ratio + 2))
    # Half of many blocks has a label.
    values[: 20 * ratio] = np.where(
        values[: 20 * ratio] > 1, 255, values[: 20 * ratio]
    )  # half of many blocks has a label
    np.testing.assert_array_equal(block_mode(values, ratio), naive(values, ratio, commonest))


def test_mode_of_large_blocks() -> None:
    """More pixels in a block than a byte can count."""
    values = np.zeros((40, 40), np.uint8)
    values[:, 13:] = 4
    assert block_mode(values, 20).tolist() == [[0, 4], [0, 4]]
    assert block_mode(values, 40).tolist() == [[4]]


def test_mode_keeps_a_border_that_max_moves() -> None:
    values = np.array([[0, 0, 0, 5], [0, 0, 0, 5], [0, 0, 255, 5], [0, 0, 5, 5]], np.uint8)
    assert block_max(values, 2).tolist() == [[0, 5], [0, 255]]
    assert block_mode(values, 2).tolist() == [[0, 0], [0, 5]]


@given(shapes.flatmap(lambda shape: arrays(np.float32, shape, elements=decibels)), st.integers(1, 5))
def test_mean_of_linear_power(values: NDArray, ratio: int) -> None:
    def power(block: NDArray) -> float:
        finite = block[~np.isnan(block)].astype(np.float64)
        return float(10 * np.log10(np.mean(10 ** (finite / 10)))) if finite.size else float("nan")

    np.testing.assert_allclose(block_mean_power(values, ratio), naive(values, ratio, power), rtol=1e-4, atol=1e-3)
