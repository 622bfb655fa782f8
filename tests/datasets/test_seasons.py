"""Seasons and locations of scenes."""

from datetime import UTC, datetime

import pytest

from datasets.errors import UnknownNameError
from datasets.labels import chart
from datasets.seasons import location_of, season_of


@pytest.mark.parametrize(
    ("month", "season"), [(12, "winter"), (2, "winter"), (3, "spring"), (6, "summer"), (8, "summer"), (9, "fall")]
)
def test_seasons(month: int, season: str) -> None:
    assert season_of(datetime(2020, month, 1, tzinfo=UTC)) == season


def test_unknown_words_name_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'SGRDIFOXE'"):
        location_of("SGRDIFOX")
    with pytest.raises(UnknownNameError, match="unknown chart 'SOF': known are SIC, SOD, FLOE"):
        chart("SOF")
