"""Windows along an axis, and the pixels that rules speak of."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datasets.loading.windows import land_pixels, near_border, window_starts
from tests.datasets.patches.windows_by_loop import starts_by_loop


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 70))
def test_window_starts_are_multiples_of_the_stride_and_the_last_place(length: int, size: int, stride: int) -> None:
    found = window_starts(length, size, stride)
    assert found.tolist() == starts_by_loop(length, size, stride)
    if size <= length:
        assert found[0] == 0
        assert found[-1] + size == length


def test_pixels_that_rules_speak_of() -> None:
    assert land_pixels(np.array([0, 1e-6, 0.25, 0.5, 1, np.nan], np.float32)).tolist() == [True] * 3 + [False] * 3
    distances = np.array([0, 399, 400, np.inf, np.nan], np.float32)
    assert near_border(distances, 400).tolist() == [True, True, False, False, True]
