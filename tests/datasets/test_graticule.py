"""Latitudes and longitudes in words and as round lines."""

import numpy as np
import pytest

from datasets.graticule import box_text, crossings, latitude_text, longitude_text, round_levels


@pytest.mark.parametrize(
    ("degrees", "text"),
    [(-52.34, "52.3°W"), (12.0, "12.0°E"), (307.7, "52.3°W"), (-190.0, "170.0°E"), (0.01, "0.0°"), (180.0, "180.0°")],
)
def test_west_is_never_a_negative_east(degrees: float, text: str) -> None:
    assert longitude_text(degrees) == text


def test_latitudes_of_both_hemispheres() -> None:
    assert [latitude_text(each) for each in (72.46, -72.46, 0.0)] == ["72.5°N", "72.5°S", "0.0°"]
    assert latitude_text(70.0, 0) == "70°N"


def test_a_box_in_words() -> None:
    assert box_text((-55.31, 70.1, -42.0, 73.9)) == "70.1°N to 73.9°N, 55.3°W to 42.0°W"
    assert box_text((175.0, 70.1, -170.0, 73.9)).endswith("175.0°E to 170.0°W"), "across the antimeridian"


@pytest.mark.parametrize("span", [0.05, 0.21, 1.0, 4.2, 17.0, 200.0])
def test_levels_are_few_and_round(span: float) -> None:
    levels, decimals = round_levels(-61.013, -61.013 + span)
    assert 2 <= levels.size <= 7
    assert levels.min() >= -61.013
    assert levels.max() <= -61.013 + span
    np.testing.assert_allclose(levels, np.round(levels, decimals), atol=1e-9)
    assert round_levels(3.0, 3.0)[0].size == 0


def test_crossings_lie_between_the_places() -> None:
    assert crossings(np.array([10.0, 20.0, 10.0]), np.array([0.0, 1.0, 3.0]), 15.0) == [0.5, 2.0]
    assert crossings(np.array([10.0, 20.0]), np.array([0.0, 1.0]), 30.0) == []
