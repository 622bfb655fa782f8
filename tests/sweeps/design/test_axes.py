"""Points that axes span."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeps.design.axes import UNCHANGED, draw, grid, meets, one_at_a_time, text
from training.spec import TrialSpec

AXES = {
    "data.ratio": (2, 5),
    "loss": {"focal": {"loss.name": "focal"}, "both": {"loss.name": "dice", "optimizer.lr": 0.1}},
}


def test_a_grid_has_every_pair_once_and_the_last_axis_is_the_fastest() -> None:
    points = grid(AXES)
    assert [tuple(point.labels.values()) for point in points] == [
        (2, "focal"),
        (2, "both"),
        (5, "focal"),
        (5, "both"),
    ]
    assert points[1].changes == {"data.ratio": 2, "loss.name": "dice", "optimizer.lr": 0.1}


def test_one_at_a_time_leaves_out_what_the_trial_has_already() -> None:
    points = one_at_a_time({"optimizer.lr": (1e-4, 1e-3), **AXES}, TrialSpec())
    assert [tuple(point.labels.values()) for point in points] == [
        (UNCHANGED, UNCHANGED),
        ("optimizer.lr", "0.001"),
        ("data.ratio", "5"),
        ("loss", "focal"),
        ("loss", "both"),
    ]
    assert points[0].changes == {}


def test_an_option_of_the_lake_is_always_a_point_of_its_own() -> None:
    points = one_at_a_time({"charts": {"mode": {"recipe.chart_reduction": "mode"}}}, TrialSpec())
    assert len(points) == 2


@given(st.integers(0, 6), st.integers(0, 6))
def test_fewer_drawn_points_are_the_first_of_more(few: int, many: int) -> None:
    few, many = sorted((few, many))
    points = grid({"seed": tuple(range(5))})
    assert draw(points, many)[:few] == draw(points, few)
    assert len(draw(points, many)) == min(many, 5)


@pytest.mark.parametrize(
    ("value", "word"), [(None, "none"), (True, "true"), (0.001, "0.001"), (5, "5"), ("a b", "a b")]
)
def test_values_as_they_are_typed(value: object, word: str) -> None:
    assert text(value) == word  # type: ignore[arg-type]


def test_conditions_ask_for_labels_that_are_there() -> None:
    assert meets({"task": "pixel", "seed": 0}, {"seed": frozenset({"0", "1"})})
    assert not meets({"task": "pixel", "seed": 2}, {"seed": frozenset({"0", "1"})})
    assert not meets({"task": "pixel"}, {"data.ratio": frozenset({"2"})}), "a label that it lacks"
