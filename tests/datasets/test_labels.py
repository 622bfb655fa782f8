"""The three ice charts."""

import pytest

from datasets.errors import UnknownNameError
from datasets.labels import CHARTS, IGNORE, chart


@pytest.mark.parametrize(("name", "classes"), [("SIC", 11), ("SOD", 6), ("FLOE", 7)])
def test_every_class_has_a_name_and_a_colour_of_its_own(name: str, classes: int) -> None:
    found = chart(name)
    assert found.n_classes == classes < IGNORE
    assert len(set(found.classes)) == len(set(found.colours)) == classes


def test_an_unknown_chart_gets_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match=f"known are {', '.join(CHARTS)}"):
        chart("ICE")
