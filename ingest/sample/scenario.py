"""What each scene of a call is: its name, time, place and the ice to expect. First stop of the generator."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from datasets.seasons import SEASONS, Season, season_of
from ingest.sample.geography import PIXEL_KM, Attitude, attitude_at, next_attitude
from ingest.sample.regions import CHARTED_TWICE, REGION_TABLE, Direction, provider_of
from ingest.source import Provider, SceneName

SMALLEST = 100
"""Fewest lines or samples of a scene."""

_FULL_SECONDS = 60
_SHORT_SECONDS = (40, 25)
_PAIR_EVERY, _PAIR_FIRST = 12, 6  # of every twelve scenes (from 0) the seventh charts the frame of the sixth again
_FOLLOW_EVERY = 5  # the fifth of every five scenes is the next frame of the fourth
_CANADIAN_EVERY, _CANADIAN = 5, (1, 4)  # two charts of five are Canadian, as in the archive
_YEARS = (2018, 2019, 2020, 2021)
_REVOLUTIONS_PER_DAY = 175 / 12  # Sentinel-1 repeats its track after 175 orbits in 12 days
_FIRST_ORBIT = {"S1A": 900_000, "S1B": 950_000}  # none of these has flown: the name says that the scene is synthetic


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One scene before anything is drawn.

    Attributes:
        seed: Seed of the call.
        index: Position of the scene in the call.
        frame: Position of the scene whose SAR frame this is; differs from `index` where a second service charted
            the same frame. What the frame shows depends on `frame`, how the chart is written on `index`.
        name: The parsed file name.
        lines: SAR lines of 40 m.
        samples: SAR samples of 40 m.
        attitude: Where the satellite looks.
        season: Season of the acquisition.
        drawn_region: Region of the frame's first chart; it sets the ice.
    """

    seed: int
    index: int
    frame: int
    name: SceneName
    lines: int
    samples: int
    attitude: Attitude
    season: Season
    drawn_region: str

    @property
    def duration(self) -> int:
        """Acquisition length in seconds."""
        return round((self.name.stop - self.name.start).total_seconds())

    @property
    def charted_twice(self) -> bool:
        """Whether the call writes a second chart of this frame, if it goes on that far."""
        return self.frame % _PAIR_EVERY == _PAIR_FIRST

    def generator(self, part: str, *, strip: int = 0) -> np.random.Generator:
        """Independent random stream of one part of the scene; parts never disturb each other."""
        owner = self.index if part in _OF_THE_CHART else self.frame
        return np.random.default_rng([self.seed, owner, *part.encode(), strip])


_OF_THE_CHART = ("ids",)


def plan(*, scenes: int, lines: int, samples: int, seed: int, full_length_only: bool) -> Iterator[Scenario]:
    """Lays out the scenes of one call; scene k does not depend on how many follow it.

    Seasons rotate over the scenes that are no follow-up of another, so the first four already hold all; regions
    are those used least so far among the regions charted in that season.
    """
    rng = np.random.default_rng([seed, *b"plan"])
    seasons = [SEASONS[i] for i in rng.permutation(len(SEASONS))]
    years = rng.permutation(_YEARS)
    used: Counter[str] = Counter()
    taken: set[str] = set()
    free = 0
    last: Scenario | None = None
    for index in range(scenes):
        seconds = _FULL_SECONDS
        if not full_length_only and index % 4 == 3:
            seconds = _SHORT_SECONDS[index // 8 % len(_SHORT_SECONDS)]
        rows = lines if seconds == _FULL_SECONDS else max(SMALLEST, lines * seconds // _FULL_SECONDS)
        twice = index % _PAIR_EVERY == _PAIR_FIRST
        if last is not None and last.index == last.frame and last.charted_twice:
            scenario = _second_chart(last, index, rng)
        elif last is not None and index % _FOLLOW_EVERY == _FOLLOW_EVERY - 1 and not twice:
            scenario = _next_frame(last, index, rng, seconds=seconds, lines=rows)
        else:
            season, year = seasons[free % len(seasons)], int(years[free // 2 % len(years)])
            provider: Provider = "cis" if free % _CANADIAN_EVERY in _CANADIAN else "dmi"
            region = _choose_region(season, used, rng, provider=provider, charted_twice=twice)
            while True:
                scenario = _first_frame(
                    index,
                    rng,
                    season=season,
                    year=year,
                    region=region,
                    seconds=seconds,
                    shape=(rows, samples),
                    seed=seed,
                )
                if scenario.name.scene_id not in taken:
                    break
            free += 1
        used[scenario.name.region] += 1
        taken.add(scenario.name.scene_id)
        yield scenario
        last = scenario


def _choose_region(
    season: Season, used: Counter[str], rng: np.random.Generator, *, provider: Provider, charted_twice: bool
) -> str:
    names = list(CHARTED_TWICE) if charted_twice else [n for n in REGION_TABLE if provider_of(n) == provider]
    open_now = [name for name in names if _months(name, season)]
    fewest = min(used[name] for name in open_now)
    return str(rng.choice([name for name in open_now if used[name] == fewest]))


def _months(region: str, season: Season) -> list[int]:
    return [m for m in REGION_TABLE[region].months if SEASONS[m % 12 // 3] == season]


def _first_frame(
    index: int,
    rng: np.random.Generator,
    *,
    season: Season,
    year: int,
    region: str,
    seconds: int,
    shape: tuple[int, int],
    seed: int,
) -> Scenario:
    place = REGION_TABLE[region]
    months = set(_months(region, season))
    if index % _PAIR_EVERY == _PAIR_FIRST:  # the other service will chart this frame too
        months &= set(REGION_TABLE[CHARTED_TWICE[region]].months)
    direction: Direction = list(place.hours)[int(rng.integers(len(place.hours)))]
    start = datetime(
        year, int(rng.choice(sorted(months))), int(rng.integers(1, 29)), place.hours[direction],
        int(rng.integers(60)), int(rng.integers(60)), tzinfo=UTC,
    )  # fmt: skip
    north = float(rng.uniform(-1, 1)) * place.spread
    east = float(rng.uniform(-1, 1)) * place.spread / np.cos(np.radians(place.latitude))
    name = _name(rng, start=start, seconds=seconds, satellite=str(rng.choice(["S1A", "S1B"])), region=region)
    return Scenario(
        seed=seed,
        index=index,
        frame=index,
        name=name,
        lines=shape[0],
        samples=shape[1],
        attitude=attitude_at(place.latitude + north, place.longitude + east, direction),
        season=season_of(name.stop),
        drawn_region=name.region,
    )


def _next_frame(last: Scenario, index: int, rng: np.random.Generator, *, seconds: int, lines: int) -> Scenario:
    """The frame that the satellite took right after `last`."""
    name = _name(
        rng,
        start=last.name.stop,
        seconds=seconds,
        satellite=last.name.satellite,
        region=last.name.region,
        orbit=last.name.orbit,
    )
    return Scenario(
        seed=last.seed,
        index=index,
        frame=index,
        name=name,
        lines=lines,
        samples=last.samples,
        attitude=next_attitude(last.attitude, (last.lines + lines) / 2 * PIXEL_KM),
        season=season_of(name.stop),
        drawn_region=name.region,
    )


def _second_chart(last: Scenario, index: int, rng: np.random.Generator) -> Scenario:
    """The frame of `last` with the chart of the other service."""
    first = last.name
    region = CHARTED_TWICE[first.region]
    name = SceneName(
        start=first.start,
        stop=first.stop,
        satellite=first.satellite,
        orbit=first.orbit,
        provider="cis",
        region=region,
        upstream_id=first.upstream_id,
        icechart_id=_icechart_id("cis", region, first.start, rng),
    )
    return Scenario(
        seed=last.seed,
        index=index,
        frame=last.frame,
        name=name,
        lines=last.lines,
        samples=last.samples,
        attitude=last.attitude,
        season=last.season,
        drawn_region=last.drawn_region,
    )


def _name(
    rng: np.random.Generator,
    *,
    start: datetime,
    seconds: int,
    satellite: str,
    region: str,
    orbit: int | None = None,
) -> SceneName:
    stop = start + timedelta(seconds=seconds)
    if orbit is None:
        days = (start - datetime(_YEARS[0], 1, 1, tzinfo=UTC)) / timedelta(days=1)
        orbit = _FIRST_ORBIT[satellite] + int(days * _REVOLUTIONS_PER_DAY)
    take, product = int(rng.integers(16**6)), int(rng.integers(16**4))
    provider = provider_of(region)
    return SceneName(
        start=start,
        stop=stop,
        satellite=satellite,
        orbit=orbit,
        provider=provider,
        region=region,
        upstream_id=(
            f"{satellite}_EW_GRDM_1SDH_{start:%Y%m%dT%H%M%S}_{stop:%Y%m%dT%H%M%S}_{orbit:06d}_{take:06X}_{product:04X}"
        ),
        icechart_id=_icechart_id(provider, region, start, rng),
    )


def _icechart_id(provider: Provider, region: str, start: datetime, rng: np.random.Generator) -> str:
    """Chart times lie close to the SAR time: DMI's on full five minutes, CIS's up to a quarter hour off."""
    if provider == "dmi":
        minutes = round((start.minute + start.second / 60) / 5) * 5
        drawn = start.replace(minute=0, second=0) + timedelta(minutes=minutes)
        return f"dmi_{drawn:%Y%m%d%H%M}_{region}_RIC"
    drawn = start + timedelta(minutes=float(np.clip(rng.normal(-2.7, 5.0), -16, 12)))
    return f"cis_{region}_{drawn:%Y%m%dT%H%M}Z_pl_a"
