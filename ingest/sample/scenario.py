"""What each scene of a call is: its name, time, place and the ice to expect. First stop of the generator."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from datasets.scene import FIRST_SYNTHETIC_ORBIT
from datasets.seasons import SEASONS, Season, season_of
from ingest.sample.geography import PIXEL_KM, TrackPoint, track_point
from ingest.sample.regions import REGION_TABLE, provider_of
from ingest.source import Provider, SceneName

SMALLEST = 100
"""Fewest lines or samples of a scene."""

_FULL_SECONDS = 60
_SHORT_SECONDS = (40, 25)
_FOLLOW_EVERY = 5  # the fifth of every five scenes is the next frame of the fourth
_CANADIAN = (1, 4)  # two charts of five are Canadian, as in the archive
_YEARS = (2018, 2019, 2020, 2021)
_REVOLUTIONS_PER_DAY = 175 / 12  # Sentinel-1 repeats its track after 175 orbits in 12 days
_FIRST_ORBIT = {"S1A": FIRST_SYNTHETIC_ORBIT, "S1B": 950_000}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One scene before anything is drawn.

    Attributes:
        seed: Seed of the call.
        index: Position of the scene in the call.
        name: The parsed file name.
        lines: SAR lines of 40 m.
        samples: SAR samples of 40 m.
        centre: Where the scene lies.
    """

    seed: int
    index: int
    name: SceneName
    lines: int
    samples: int
    centre: TrackPoint

    @property
    def season(self) -> Season:
        """Season of the acquisition."""
        return season_of(self.name.stop)

    @property
    def duration(self) -> int:
        """Acquisition length in seconds."""
        return round((self.name.stop - self.name.start).total_seconds())

    def generator(self, part: str, *, strip: int = 0) -> np.random.Generator:
        """Independent random stream of one part of the scene; parts never disturb each other."""
        return np.random.default_rng([self.seed, self.index, *part.encode(), strip])


def plan(scenes: int, lines: int, samples: int, seed: int) -> Iterator[Scenario]:
    """Lays out the scenes of one call; scene k does not depend on how many follow it.

    Seasons rotate over the scenes that are no follow-up of another, so the first four already hold all; regions
    are those used least so far among the regions charted in that season.
    """
    rng = np.random.default_rng([seed, *b"plan"])
    seasons = [SEASONS[i] for i in rng.permutation(len(SEASONS))]
    years = rng.permutation(_YEARS)
    used: Counter[str] = Counter()
    taken: set[str] = set()
    free = 0  # scenes that are no follow-up of another
    last: Scenario | None = None
    for index in range(scenes):
        seconds = _FULL_SECONDS if index % 4 != 3 else _SHORT_SECONDS[index // 8 % len(_SHORT_SECONDS)]
        rows = max(SMALLEST, lines * seconds // _FULL_SECONDS)
        if last is not None and index % _FOLLOW_EVERY == _FOLLOW_EVERY - 1:  # right after `last`
            name = _name(rng, last.name.stop, seconds, last.name.satellite, last.name.orbit, last.name.region)
            centre = last.centre.ahead((last.lines + rows) / 2 * PIXEL_KM)
        else:
            season, year = seasons[free % len(seasons)], int(years[free // 2 % len(years)])
            region = _least_used(season, used, rng, "cis" if free % 5 in _CANADIAN else "dmi")
            while True:
                name, centre = _somewhere(rng, region, year, REGION_TABLE[region].months_of(season), seconds)
                if name.scene_id not in taken:
                    break
            free += 1
        used[name.region] += 1
        taken.add(name.scene_id)
        last = Scenario(seed=seed, index=index, name=name, lines=rows, samples=samples, centre=centre)
        yield last


def _least_used(season: Season, used: Counter[str], rng: np.random.Generator, provider: Provider) -> str:
    charted = [
        name for name, place in REGION_TABLE.items() if provider_of(name) == provider and place.months_of(season)
    ]
    fewest = min(used[name] for name in charted)
    return str(rng.choice([name for name in charted if used[name] == fewest]))


def _somewhere(
    rng: np.random.Generator, region: str, year: int, months: list[int], seconds: int
) -> tuple[SceneName, TrackPoint]:
    """Name and place of a frame in a region, in a year and one of some months."""
    place = REGION_TABLE[region]
    direction = list(place.hours)[int(rng.integers(len(place.hours)))]
    month, day = int(rng.choice(months)), int(rng.integers(1, 29))
    minute, second = int(rng.integers(60)), int(rng.integers(60))
    start = datetime(year, month, day, place.hours[direction], minute, second, tzinfo=UTC)
    latitude = place.latitude + float(rng.uniform(-1, 1)) * place.spread
    longitude = place.longitude + float(rng.uniform(-1, 1)) * place.spread / np.cos(np.radians(place.latitude))
    satellite = str(rng.choice(["S1A", "S1B"]))
    days = (start - datetime(_YEARS[0], 1, 1, tzinfo=UTC)) / timedelta(days=1)
    orbit = _FIRST_ORBIT[satellite] + int(days * _REVOLUTIONS_PER_DAY)
    return _name(rng, start, seconds, satellite, orbit, region), track_point(latitude, longitude, direction)


def _name(
    rng: np.random.Generator, start: datetime, seconds: int, satellite: str, orbit: int, region: str
) -> SceneName:
    stop = start + timedelta(seconds=seconds)
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
