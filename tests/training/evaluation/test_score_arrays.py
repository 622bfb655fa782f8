"""Many matrices at once give what each gives by itself."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training.evaluation.confusion import ConfusionMatrix, r2_array, score_arrays
from training.evaluation.metrics import r2

STACKS = arrays(np.int64, (3, 4, 4), elements=st.integers(0, 1000))


@given(STACKS)
def test_a_stack_scores_as_its_matrices_do(stack: np.ndarray) -> None:
    found = score_arrays(stack)
    for place, counts in enumerate(stack):
        one = dataclasses.asdict(ConfusionMatrix(counts).metrics())
        for name, values in found.items():
            assert np.array_equal(values[place], one[name], equal_nan=True), name


@given(STACKS)
def test_r2_in_floating_point_is_that_of_whole_numbers(stack: np.ndarray) -> None:
    expected = [r2(ConfusionMatrix(counts)) for counts in stack]
    assert r2_array(stack) == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_weights_need_not_be_whole() -> None:
    counts = np.array([[3, 1], [2, 4]])
    assert score_arrays(2.5 * counts)["f1"] == pytest.approx(score_arrays(counts)["f1"])


def test_r2_of_one_true_class_is_1_or_0_and_of_nothing_nan() -> None:
    stack = np.array([[[5, 0], [0, 0]], [[4, 1], [0, 0]], [[0, 0], [0, 0]]])
    assert r2_array(stack) == pytest.approx([1.0, 0.0, np.nan], nan_ok=True)
