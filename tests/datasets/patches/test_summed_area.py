"""Counts of windows are those of a loop that looks at every pixel."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datasets.patches.summed_area import SummedArea


@given(st.data())
def test_counts_are_those_of_the_pixels(data: st.DataObject) -> None:
    lines, samples = data.draw(st.integers(0, 14)), data.draw(st.integers(0, 17))
    height, width = data.draw(st.integers(0, lines)), data.draw(st.integers(0, samples))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    mask = rng.random((lines, samples)) < data.draw(st.sampled_from([0.0, 0.3, 1.0]))
    line, sample = np.arange(lines - height + 1), np.arange(samples - width + 1)
    found = SummedArea.of(mask).counts(line[:, None], sample[None], height, width)
    expected = [[mask[i : i + height, j : j + width].sum() for j in sample] for i in line]
    np.testing.assert_array_equal(found, np.reshape(expected, found.shape))
    pairs = SummedArea.of(mask).counts(line[:1], sample[:1], height, width)
    np.testing.assert_array_equal(pairs, found[0, :1])


def test_a_table_holds_the_whole_scene_once_in_int32() -> None:
    mask = np.ones((70, 90), bool)
    table = SummedArea.of(mask).table
    assert table.dtype == np.int32
    assert table.shape == (71, 91)
    assert table[-1, -1] == 70 * 90
