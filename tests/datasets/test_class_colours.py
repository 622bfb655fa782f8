"""Colours of classes: what WMO prescribes, and what everybody can tell apart."""

import numpy as np
import pytest

from datasets.class_colours import (
    LAND,
    NO_LABEL,
    NO_SAR,
    ONLY_FIRST,
    ONLY_SECOND,
    PALETTES,
    RIGHT,
    UNCLASSED,
    WRONG,
    check_palette,
    class_colours,
    unclassed,
)
from datasets.errors import UnknownNameError
from datasets.labels import CHARTS, FLOE, IGNORE, SIC, SOD, Chart
from tests.datasets.colour_vision import VISIONS, difference, lab, smallest_difference

FLOORS = {"SIC": 6.9, "SOD": 13.0, "FLOE": 13.0}
"""Smallest CIEDE2000 between any two classes, or a class and what has none; about 2 is just seen side by side."""

OTHERS = [each.colour for each in UNCLASSED]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [  # of the test data of Sharma, Wu and Dalal (2005)
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_ruler_is_right(one: tuple[float, ...], other: tuple[float, ...], expected: float) -> None:
    assert difference(np.array(one), np.array(other)) == pytest.approx(expected, abs=1e-4)
    assert difference(np.array(other), np.array(one)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("name", CHARTS)
def test_any_two_of_the_safe_set_can_be_told_apart(name: str, vision: str) -> None:
    found, one, other = smallest_difference([*class_colours(CHARTS[name], "safe"), *OTHERS], vision)
    assert found >= FLOORS[name], f"{one} and {other}"


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("name", CHARTS)
def test_who_is_right_is_no_class(name: str, vision: str) -> None:
    """Maps of classes and maps of who is right stand side by side, with one legend."""
    verdicts, others = (RIGHT, WRONG, ONLY_FIRST, ONLY_SECOND), [*class_colours(CHARTS[name], "safe"), *OTHERS]
    nearest = {
        verdict: min((difference(lab(verdict, vision), lab(other, vision)), other) for other in others)
        for verdict in verdicts
    }
    assert min(found for found, _ in nearest.values()) >= 8, nearest
    assert min(nearest[verdict][0] for verdict in verdicts if verdict != RIGHT) >= 10, nearest
    assert smallest_difference(verdicts, vision)[0] >= 20


@pytest.mark.parametrize("chart", [SIC, SOD, FLOE])
def test_lightness_rises_with_the_class(chart: Chart) -> None:
    ordered = class_colours(chart, "safe")[: 6 if chart is FLOE else None]  # bergs are no size of floe
    steps = np.diff([lab(colour)[0] for colour in ordered])
    assert steps.min() > 4


def test_what_has_no_class_differs_in_grey_print_too() -> None:
    tones = sorted(lab(colour)[0] for colour in OTHERS)
    assert np.diff(tones).min() > 10
    assert len({each.hatch for each in UNCLASSED}) == len({each.name for each in UNCLASSED}) == 4
    assert len({each.code for each in UNCLASSED}) == 4
    assert min(each.code for each in UNCLASSED) > max(chart.n_classes for chart in CHARTS.values())
    assert (NO_LABEL.code, LAND.code) == (IGNORE, 254), "as charts and scene maps have them"


def test_wmo_colours_are_those_of_the_code() -> None:
    def numbers(colour: str) -> tuple[int, ...]:
        return tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))

    of_stage = dict(zip(SOD.classes, map(numbers, class_colours(SOD, "wmo")), strict=True))
    assert of_stage == {
        "open_water": (150, 200, 255),
        "new_ice": (240, 210, 250),
        "young_ice": (170, 40, 240),
        "thin_first_year_ice": (155, 210, 0),
        "thick_first_year_ice": (0, 120, 0),
        "old_ice": (180, 100, 50),
    }
    of_tenths = [numbers(colour) for colour in class_colours(SIC, "wmo")]
    assert of_tenths == [
        (150, 200, 255),
        *3 * [(140, 255, 160)],
        *3 * [(255, 255, 0)],
        *2 * [(255, 125, 7)],
        *2 * [(255, 0, 0)],
    ]
    assert numbers(class_colours(FLOE, "wmo")[0]) == (150, 200, 255)
    assert class_colours(FLOE, "wmo")[1:-1] == class_colours(FLOE, "safe")[1:-1], "the code has no floe size"


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize(("chart", "floor"), [(SOD, 17), (SIC, 20)])
def test_land_is_no_ice_in_wmo_colours_either(chart: Chart, floor: float, vision: str) -> None:
    land, *others = unclassed("wmo")
    assert land.code == LAND.code
    nearest = min((difference(lab(land.colour, vision), lab(colour, vision)), colour) for colour in chart.wmo_colours)
    assert nearest[0] >= floor, nearest
    assert min(abs(lab(land.colour)[0] - lab(each.colour)[0]) for each in others) > 10, "in grey print too"


@pytest.mark.parametrize("palette", PALETTES)
def test_every_class_has_a_colour(palette: str) -> None:
    for chart in CHARTS.values():
        assert len(class_colours(chart, check_palette(palette))) == chart.n_classes
    assert len(set(class_colours(SOD, check_palette(palette)))) == 6


def test_an_unknown_set_is_told_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match="known are safe, wmo"):
        check_palette("jet")
    assert NO_SAR.name == "no SAR"
