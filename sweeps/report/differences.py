"""A score over seeds, and how two cells differ: the difference, its interval and its verdict. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sweeps.report.intervals import ALPHA, SUBSETS, UNKNOWN, Interval, holm, interval, p_value, subsets
from sweeps.report.labels import Key
from sweeps.report.reach import fewest_passes, reaches

Verdict = Literal["higher", "lower", "not told apart", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A metric over seeds: `mean`, sample standard deviation `spread` (NaN for one seed), number `n`."""

    mean: float
    spread: float
    n: int


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A cell minus another, `against`.

    Attributes:
        key: The cell.
        against: The other one.
        objective: Metric that differs.
        value: Difference of the objective on their common test scenes, averaged over common seeds; NaN without any.
        draws: (subsets,) the same on subsets of passes and seeds; empty without common scenes.
        most: Most subsets that were asked for, see `subsets_for`.
        level: At which it is tested, less than `ALPHA` where it is one of several.
        compared: Comparisons that share `ALPHA` with it: those of the study on as many passes, or more.
        seeds: Common seeds, or pairs of seeds where these are not common.
        agreeing: Seeds whose difference has the sign of `value`.
        spread: Sample standard deviation over seeds of the difference.
        scenes: Common test scenes; 0 where results could not be read or the objective does not come from them.
        passes: Orbit passes of these.
        own_scenes: Scenes of the two cells that are not common.
    """

    key: Key
    against: Key
    objective: str
    value: float
    draws: NDArray[np.float64] = field(repr=False, compare=False)
    most: int = SUBSETS
    level: float = ALPHA
    compared: int = 1
    seeds: int
    agreeing: int
    spread: float
    scenes: int
    passes: int
    own_scenes: int

    @cached_property
    def interval(self) -> Interval:
        """Over test scenes and seeds, at the level of the test: it holds 0 where the two are not told apart."""
        return interval(self.draws, self._repeats, self.level) if self.draws.size else UNKNOWN

    @cached_property
    def p(self) -> float:
        """How often so large a difference would be seen where there is none, by itself; NaN without scenes."""
        return p_value(self.draws, self._repeats) if self.draws.size else float("nan")

    @property
    def decidable(self) -> bool:
        """Whether any scores on these passes could be told apart at this level."""
        return bool(self.draws.size) and reaches(self.passes, self.level, self.most)

    @property
    def verdict(self) -> Verdict:
        """Higher or lower where the interval does not hold 0."""
        if not self.interval.known:
            return "unknown"
        if self.interval.holds(0.0):
            return "not told apart"
        return "higher" if self.value > 0 else "lower"

    @property
    def _repeats(self) -> int:
        return subsets(self.passes, self.most).repeats


def corrected(found: Sequence[Difference]) -> list[Difference]:
    """The comparisons of a study, each at the level that keeps `ALPHA` for all together.

    Those that no scores could tell apart, since their passes are too few, do not count among them (Tarone 1990): they
    are never told apart, and which ones they are does not depend on any score.
    """
    passes = [each.passes for each in found if each.draws.size]
    fewest = fewest_passes(passes)
    tested = [place for place, each in enumerate(found) if each.draws.size and each.passes >= fewest]
    levels = dict(zip(tested, holm([found[place].p for place in tested]), strict=True))
    shared = [sum(other >= each.passes for other in passes) or 1 for each in found]
    return [
        replace(each, level=levels.get(place, ALPHA / together), compared=together)
        for place, (each, together) in enumerate(zip(found, shared, strict=True))
    ]


def spread_of(values: Sequence[float]) -> Spread:
    """Mean and spread over seeds, a value for each; NaN among them are left out."""
    known = np.array([value for value in values if np.isfinite(value)])
    return Spread(
        mean=float(known.mean()) if known.size else float("nan"),
        spread=float(known.std(ddof=1)) if known.size > 1 else float("nan"),
        n=int(known.size),
    )
