"""The season of a scene: the rule around the melt and freeze dates of its cells."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ingest.melt.grid import COLUMNS, ROWS, cells_at
from ingest.melt.maps import PAIRS, MeltMaps
from ingest.melt.rule import MeltRule, decide, needs_year_before, vote


def days(*values: int) -> NDArray[np.int16]:
    return np.array(values, np.int16)


@pytest.mark.parametrize(
    ("day", "season"),
    [(1, "freeze"), (149, "freeze"), (150, "melt"), (151, "melt"), (299, "melt"), (300, "freeze"), (366, "freeze")],
)
@pytest.mark.parametrize("statistic", ["median", "mean", "vote"])
def test_one_cell_melts_from_its_melt_date_to_the_day_before_its_freeze_date(
    day: int, season: str, statistic: str
) -> None:
    rule = MeltRule.model_validate({"statistic": statistic})
    assert decide(days(150), days(300), day, rule) == (season, 1)


@pytest.mark.parametrize(
    ("statistic", "day", "season"),
    [
        ("median", 139, "freeze"),
        ("median", 140, "melt"),  # melt 100, 140, 240
        ("mean", 159, "freeze"),
        ("mean", 160, "melt"),
        ("vote", 139, "freeze"),
        ("vote", 140, "melt"),
        ("median", 309, "melt"),  # freeze 290, 310, 405
        ("median", 310, "freeze"),
        ("mean", 334, "melt"),
        ("mean", 335, "freeze"),
        ("vote", 309, "melt"),
        ("vote", 310, "freeze"),
    ],
)
def test_statistics_differ_where_cells_do(statistic: str, day: int, season: str) -> None:
    rule = MeltRule.model_validate({"statistic": statistic})
    assert decide(days(100, 140, 240), days(290, 310, 405), day, rule) == (season, 3)


def test_a_tie_of_cells_is_freeze() -> None:
    rule = MeltRule(statistic="vote")
    assert decide(days(100, 200), days(300, 300), 150, rule) == ("freeze", 2)


@pytest.mark.parametrize("flag", [0, -1, -3, -5, 74, 411])
def test_a_cell_without_both_dates_does_not_count(flag: int) -> None:
    assert decide(days(flag), days(300), 200) == (None, 0)
    assert decide(days(150), days(flag), 200) == (None, 0)
    assert decide(days(flag, 150, 75), days(300, flag, 410), 200) == ("melt", 1)


def test_no_cell_is_no_season() -> None:
    assert decide(days(), days(), 200) == (None, 0)


def uniform_maps(**years: tuple[int, int]) -> MeltMaps:
    """Maps that are one pair of dates everywhere, by year (`y2018=(150, 300)`)."""
    read = {}
    for year, dates in years.items():
        for name, day in zip(PAIRS["continuous"], dates, strict=True):
            read[int(year[1:]), name] = np.full((ROWS, COLUMNS), day, np.int16)
    return MeltMaps(Path(), {}, {key: Path() for key in read}, read)


CELLS = np.arange(5, dtype=np.intp)


@pytest.mark.parametrize(
    ("moment", "season", "year"),
    [
        (datetime(2018, 5, 30, 23, 59, tzinfo=UTC), "melt", 2018),  # day 150
        (datetime(2018, 5, 29, 23, 59, tzinfo=UTC), "freeze", 2018),
        (datetime(2020, 5, 29, tzinfo=UTC), "melt", 2020),  # day 150 of a leap year
        (datetime(2020, 5, 28, tzinfo=UTC), "freeze", 2020),
        (datetime(2018, 12, 31, tzinfo=UTC), "melt", 2018),  # freeze is day 390
        (datetime(2019, 1, 10, tzinfo=UTC), "melt", 2018),  # day 375 of 2018
        (datetime(2019, 1, 24, tzinfo=UTC), "melt", 2018),  # day 389
        (datetime(2019, 1, 25, tzinfo=UTC), "freeze", 2019),  # day 390
        (datetime(2021, 1, 23, tzinfo=UTC), "melt", 2020),  # day 389 of the leap year 2020
        (datetime(2021, 1, 24, tzinfo=UTC), "freeze", 2021),
        (datetime(2018, 1, 10, tzinfo=UTC), "freeze", 2018),  # no map of 2017
    ],
)
def test_the_melt_season_runs_on_into_the_next_year(moment: datetime, season: str, year: int) -> None:
    maps = uniform_maps(y2018=(150, 390), y2019=(150, 300), y2020=(150, 390), y2021=(150, 300))
    found = vote(maps, CELLS, moment)
    assert (found.season, found.year, found.share) == (season, year, 1.0)


def test_the_year_before_speaks_until_the_last_date_there_is() -> None:
    for year, last in ((2019, 44), (2021, 43)):
        moments = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(80)]
        assert sum(needs_year_before(moment) for moment in moments) == last


def test_the_day_is_that_of_utc() -> None:
    maps = uniform_maps(y2018=(150, 300))
    local = datetime(2018, 5, 29, 22, 0, tzinfo=timezone(-timedelta(hours=3)))
    assert vote(maps, CELLS, local).season == "melt"


def test_a_scene_over_open_water_has_no_season_and_no_share() -> None:
    found = vote(uniform_maps(y2018=(0, 0)), CELLS, datetime(2018, 7, 1, tzinfo=UTC))
    assert (found.season, found.share, found.cells) == (None, 0.0, 5)
    outside = vote(uniform_maps(y2018=(150, 300)), CELLS[:0], datetime(2018, 7, 1, tzinfo=UTC))
    assert (outside.season, outside.share) == (None, 0.0)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    latitude=st.floats(55, 83),
    longitude=st.floats(-150, 0),
    seconds=st.integers(0, 2 * 365 * 86400 - 1),
    rule=st.builds(MeltRule, onset=st.sampled_from(["continuous", "early"])),
)
def test_both_forms_give_the_same_season(
    both_forms: dict[str, Path], latitude: float, longitude: float, seconds: int, rule: MeltRule
) -> None:
    cells = cells_at(latitude + np.linspace(-1, 1, 30), np.full(30, longitude))
    moment = datetime(2018, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    votes = [vote(MAPS.setdefault(path, MeltMaps.open(path)), cells, moment, rule) for path in both_forms.values()]
    assert votes[0] == votes[1]
    assert 0 <= votes[0].share <= 1
    assert (votes[0].season is None) == (votes[0].valid == 0)


MAPS: dict[Path, MeltMaps] = {}
