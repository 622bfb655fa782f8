"""The rule: 25 km cells under a scene and its day -> melt, freeze or no season. Pure numpy.

How IceBench drew its lists of melt and freeze scenes is not published. The default is the rule that fits its 15 lists
best. They put 53 of 116 scenes of October to December into melt, when the first freeze of most places is past and
the continuous one is not, so the dates are the continuous ones. The statistic is the median: cells at the ice
edge freeze weeks after the others, and a few of them shift a mean but not a median. A vote of cells differs from it
only where the melt dates of some cells and the freeze dates of others lie on the two sides of the day.
"""

from calendar import isleap
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from datasets.seasons import Cryoseason
from ingest.melt.maps import EARLIEST, LATEST, PAIRS, MeltMaps, Onset

Statistic = Literal["median", "mean", "vote"]


class MeltRule(BaseModel):
    """How cells make a season.

    Attributes:
        onset: Which dates open and close the melt season: `continuous` (start of continuous melt, start of continuous
            freeze) or `early` (first melt, first freeze).
        statistic: `median` or `mean` of each date over the valid cells, then melt if melt <= day < freeze; or `vote`:
            each valid cell by that rule, melt if more than half of them say so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    onset: Onset = "continuous"
    statistic: Statistic = "median"


DEFAULT_RULE: Final = MeltRule()


@dataclass(frozen=True, kw_only=True)
class MeltVote:
    """The season that the cells under a scene give.

    Attributes:
        season: None if no cell has both dates.
        cells: Cells under the footprint.
        valid: Cells that have both dates, and so voted.
        year: Year of the map that decided.
    """

    season: Cryoseason | None
    cells: int
    valid: int
    year: int

    @property
    def share(self) -> float:
        """Valid cells over cells; 0 where the footprint has no cell on the grid."""
        return self.valid / self.cells if self.cells else 0.0


def decide(
    melt: NDArray[np.int16], freeze: NDArray[np.int16], day: int, rule: MeltRule = DEFAULT_RULE
) -> tuple[Cryoseason | None, int]:
    """Season of a day by one year's dates.

    Args:
        melt: (k,) int16 day of year on which melt starts in each cell; outside 75..410 is no date.
        freeze: (k,) the same for freeze.
        day: Day of the year of the dates, from 1; days of the next year go on counting (1 January is 366 or 367).
        rule: How cells make a season.

    Returns:
        The season, None if no cell is valid, and the number of valid cells: those that have both dates. A tie of cells
        is freeze.
    """
    valid = _dated(melt) & _dated(freeze)
    count = int(valid.sum())
    if not count:
        return None, 0
    starts, ends = melt[valid].astype(np.float64), freeze[valid].astype(np.float64)
    if rule.statistic == "vote":
        melting = np.mean((starts <= day) & (day < ends)) > 0.5
    else:
        middle = np.median if rule.statistic == "median" else np.mean
        melting = middle(starts) <= day < middle(ends)
    return "melt" if melting else "freeze", count


def vote(maps: MeltMaps, cells: NDArray[np.intp], acquired: datetime, rule: MeltRule = DEFAULT_RULE) -> MeltVote:
    """Season of a scene.

    The map of the scene's own year decides, with one exception. Freeze dates run on to day 410, so up to mid February
    (days 1 to 44, or 43 after a leap year) the melt season of the year before may still last: a scene that falls into
    it by the map of that year is melt. Without a map of the year before, only the scene's own year decides.

    Args:
        maps: Melt maps.
        cells: (k,) flat indices from `ingest.melt.grid.footprint_cells`.
        acquired: Start of the acquisition; its UTC day is compared.
        rule: How cells make a season.

    Raises:
        NoMeltMapError: There is no map of the scene's year.
        MeltMapError: A map cannot be used.
    """
    moment = acquired.astimezone(UTC)
    day, year = moment.timetuple().tm_yday, moment.year
    if needs_year_before(moment) and year - 1 in maps.years:
        earlier = _vote_of_year(maps, year - 1, cells, day + _length(year - 1), rule)
        if earlier.season == "melt":
            return earlier
    return _vote_of_year(maps, year, cells, day, rule)


def needs_year_before(acquired: datetime) -> bool:
    """Whether a freeze date of the year before may lie after this day."""
    moment = acquired.astimezone(UTC)
    return moment.timetuple().tm_yday + _length(moment.year - 1) < LATEST


def _vote_of_year(maps: MeltMaps, year: int, cells: NDArray[np.intp], day: int, rule: MeltRule) -> MeltVote:
    melt, freeze = (maps.days(year, name).ravel()[cells] for name in PAIRS[rule.onset])
    season, valid = decide(melt, freeze, day, rule)
    return MeltVote(season=season, cells=cells.size, valid=valid, year=year)


def _dated(days: NDArray[np.int16]) -> NDArray[np.bool_]:
    return (days >= EARLIEST) & (days <= LATEST)


def _length(year: int) -> int:
    return 366 if isleap(year) else 365
