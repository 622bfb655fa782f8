import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.fixed_grid import nearest_index, to_grid

ratios = st.sampled_from([1, 2, 3, 5, 10])


@given(st.integers(20, 300), ratios, ratios)
def test_nearest_index_is_the_pixel_under_the_centre(full: int, ratio: int, fixed: int) -> None:
    own, length = full // ratio, full // fixed
    index = nearest_index(length, ratio, fixed, own)
    for j in range(length):
        under = int((j + 0.5) * fixed / ratio + 1e-9)
        assert index[j] == min(under, own - 1)


@given(st.integers(1, 40), st.integers(1, 40), ratios)
def test_on_its_own_grid_nothing_moves(lines: int, samples: int, ratio: int) -> None:
    classes = np.arange(lines * samples, dtype=np.uint8).reshape(lines, samples)
    assert np.array_equal(to_grid(classes, ratio, ratio, classes.shape), classes)


def test_a_coarse_prediction_is_repeated_and_held_beyond_its_end() -> None:
    coarse = np.array([[1, 2]], np.uint8)  # ratio 4 of a scene of 7 x 11 pixels: trimmed to 4 x 8
    fine = to_grid(coarse, 4, 2, (3, 5))
    assert fine.tolist() == [[1, 1, 2, 2, 2]] * 3


def test_a_fine_prediction_is_picked_at_the_centre() -> None:
    fine = np.arange(12, dtype=np.uint8)[None].repeat(12, axis=0)
    assert to_grid(fine, 1, 4, (3, 3))[0].tolist() == [2, 6, 10]


def test_pixels_of_the_very_grid_are_not_copied() -> None:
    classes = np.zeros((3, 4), np.uint8)
    assert to_grid(classes, 2, 2, (3, 4)) is classes
