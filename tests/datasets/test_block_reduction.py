"""Means and commonest classes of blocks."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from datasets.block_reduction import block_mean, block_mode, block_side, strips


def test_a_mean_is_of_what_a_block_has() -> None:
    values = np.array([[1.0, np.nan, 5.0], [3.0, np.nan, 5.0], [9.0, 9.0, 9.0]], np.float32)
    assert block_mean(values, 1) is values
    np.testing.assert_array_equal(block_mean(values, 2), [[2.0]])
    np.testing.assert_array_equal(block_mean(np.full((2, 2), np.nan, np.float32), 2), [[np.nan]])
    assert block_mean(values, 2).dtype == np.float32


@given(arrays(np.uint8, (7, 9), elements=st.sampled_from([0, 3, 5, 254, 255])), st.integers(1, 4))
def test_the_mode_is_the_commonest_and_of_several_the_lowest(values: np.ndarray, side: int) -> None:
    found = block_mode(values, side)
    assert found.dtype == np.uint8
    assert found.shape == (7 // side, 9 // side)
    for row, column in np.ndindex(found.shape):
        block = values[row * side : (row + 1) * side, column * side : (column + 1) * side]
        kinds, counts = np.unique(block, return_counts=True)
        assert found[row, column] == kinds[counts.argmax()]


@pytest.mark.parametrize(
    ("lines", "samples", "side"), [(10_000, 10_400, 11), (420, 520, 1), (30, 20_000_000, 7), (5, 5, 7)]
)
def test_strips_are_whole_blocks_and_leave_nothing_else_out(lines: int, samples: int, side: int) -> None:
    found = list(strips(lines, samples, side))
    assert sum(each.stop - each.start for each in found) == lines // side * side
    assert all((each.stop - each.start) % side == 0 for each in found)
    assert all(one.stop == other.start for one, other in pairwise(found))
    assert all((each.stop - each.start) * samples <= max(10_000_000, side * samples) for each in found)


def test_sides_fit_the_picture() -> None:
    assert block_side((10_000, 10_400), 1000) == 11
    assert block_side((420, 520), 1000) == 1
