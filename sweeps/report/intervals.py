"""Intervals over test scenes, and the test that they belong to.

A score is taken on subsets of the orbit passes: of each, the confusion matrices are added up and the sum is scored as
a test set is. Two networks of which neither is better would, pass by pass, as likely have changed places; the subsets
on which the difference has the other sign are exactly those swaps that would have given a difference at least as large
in the mean, so their share is the p-value of the paired permutation test (sign flips; Hartigan 1969, "Using subsample
values as typical values"). The interval is the range of subset scores that this test does not refuse: it holds 0 where
the test does not tell the two apart, and only there. `tests/benchmarks/interval_level.py` holds it against bootstraps.

Subsets depend on the number of passes alone, so trials on the same scenes have the same ones and are paired.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sweeps.report.evidence import FinishedTrial
from sweeps.report.passes import pass_numbers
from sweeps.report.wording import chart_classes
from training.evaluation.confusion import r2_array, score_arrays
from training.evaluation.metric_names import MetricName
from training.evaluation.metrics import AUTOICE_WEIGHTS

ALPHA: Final = 0.05
"""Chance to tell two apart of which neither is better; of all comparisons of a study together."""
CONFIDENCE: Final = 100 * (1 - ALPHA)
"""Percent, of an interval of one score."""
FEWEST_PASSES: Final = 6
"""With fewer passes no result whatever is rarer than `ALPHA`: five pairs have 32 signs, and two of these are 6 %."""
SUBSETS: Final = 2**13
"""Most subsets of up to 204 comparisons together: all of up to 13 passes, else as many drawn ones."""
MOST_SUBSETS: Final = 2**15
"""Of any number of comparisons, which is enough for 819: twice as many would make every score take twice as long."""
_SEED: Final = 20180325


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Between which values a score lies; NaN where there are too few passes to say."""

    low: float
    high: float

    @property
    def known(self) -> bool:
        """Whether there is one."""
        return bool(np.isfinite(self.low) and np.isfinite(self.high))

    def holds(self, value: float) -> bool:
        """Whether a value is within, ends included."""
        return self.low <= value <= self.high


UNKNOWN: Final = Interval(low=float("nan"), high=float("nan"))


@dataclass(frozen=True, kw_only=True)
class Subsets:
    """Subsets of passes, none of them empty.

    Attributes:
        chosen: (subsets, passes) 0 or 1.
        repeats: How often each is among them, at least; so often the empty one would be.
    """

    chosen: NDArray[np.float64]
    repeats: int


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """A score of one trial on some scenes, and on every subset of their passes: `draws` (subsets,) float64."""

    value: float
    draws: NDArray[np.float64]


def scored_scenes(trial: FinishedTrial, metric: MetricName) -> tuple[str, ...]:
    """Ids of the test scenes that count in a metric, in order; none where its result could not be read."""
    if trial.result is None:
        return ()
    charts = charts_of(trial, metric)
    found = {
        row.scene_id
        for row in trial.result.scenes
        if row.grid == metric.grid
        and row.chart in charts
        and row.n > 0
        and metric.bin in (None, row.season, row.location, row.cryoseason)
    }
    return tuple(sorted(found))


def charts_of(trial: FinishedTrial, metric: MetricName) -> tuple[str, ...]:
    """Charts that a metric is made of: the one it names, all for the AutoICE score, else the trial's first target."""
    if metric.score == "autoice":
        return tuple(AUTOICE_WEIGHTS)
    if metric.chart is not None:
        return (metric.chart,)
    keys = trial.result.matrices if trial.result is not None else {}
    return tuple(key.chart for key in keys if key.grid == metric.grid)[:1]


def passes_in(scenes: Sequence[str]) -> int:
    """How many orbit passes these scenes are of."""
    return len(set(pass_numbers(scenes).tolist()))


def sample(trial: FinishedTrial, metric: MetricName, scenes: Sequence[str], most: int = SUBSETS) -> Sampled:
    """Scores a trial on these scenes of `scored_scenes`, at least one, together; and on `most` subsets of passes."""
    assert trial.result is not None
    numbers = pass_numbers(scenes)
    member = (numbers == np.arange(numbers.max() + 1)[:, None]).astype(np.float64)
    chosen = subsets(len(member), most).chosen
    pooled, drawn = dict[str, NDArray[np.float64]](), dict[str, NDArray[np.float64]]()
    for chart in charts_of(trial, metric):
        of_scene = trial.result.scene_matrices(metric.grid, chart)
        stack = np.array([of_scene[scene] for scene in scenes], dtype=np.float64)
        pooled[chart] = stack.sum(axis=0)
        drawn[chart] = (chosen @ (member @ stack.reshape(len(scenes), -1))).reshape(-1, *stack.shape[1:])
    return Sampled(value=float(score(metric, pooled)), draws=score(metric, drawn))


def subsets_for(comparisons: int) -> int:
    """Most subsets, a power of two: enough that one sign on all of them is told apart among so many comparisons."""
    enough = math.ceil(2 * comparisons / ALPHA)
    return min(max(SUBSETS, 1 << (enough - 1).bit_length()), MOST_SUBSETS)


@cache
def subsets(n_passes: int, most: int = SUBSETS) -> Subsets:
    """The subsets of so many passes, always the same: all of them, each equally often, or else `most` drawn ones."""
    if 2**n_passes <= most:
        repeats = most // 2**n_passes
        chosen = np.repeat((np.arange(1, 2**n_passes)[:, None] >> np.arange(n_passes)) & 1, repeats, axis=0)
    else:
        repeats = 1
        chosen = np.random.default_rng([_SEED, n_passes]).integers(0, 2, (most, n_passes))
        chosen = chosen[chosen.any(axis=1)][: most - 1]
    found = chosen.astype(np.float64)
    found.setflags(write=False)
    return Subsets(chosen=found, repeats=repeats)


def over_seeds(
    of_pairs: NDArray[np.float64], sides: Sequence[Sequence[int]], *, one_draw: bool = False
) -> NDArray[np.float64]:
    """Mean of (pairs, subsets) over those of a subset of the seeds, another one for each subset of passes: (subsets,).

    Seeds are as much a sample as passes are: without this a lucky seed would be told apart on many scenes. `sides` are
    the seeds of the pairs; where both networks of a pair do not have the same one, those of each network.

    With `one_draw` the first network of every pair was trained on the same scenes, and the second on scenes that its
    seed drew. Then k seeds hold one draw against k: what a draw is worth on all passes has (k + 1) / k times the
    variance of one draw in such a difference, of which the spread over seeds shows 1 / k. So what a subset of the seeds
    adds in the mean over the passes counts the root of k + 1 times; without that a set of scenes would be told apart
    for the luck of its scenes alone. What a draw is worth on one pass and not on another needs no more: of the one draw
    as of the others it differs from pass to pass, so subsets of the passes show all of it.
    """
    weights = np.ones_like(of_pairs)
    for side, seeds in enumerate(sides):
        names, places = np.unique(np.asarray(seeds), return_inverse=True)
        generator = np.random.default_rng([_SEED, side, len(names)])
        chosen = generator.integers(0, 2, (len(names), of_pairs.shape[1]))
        empty = ~chosen.any(axis=0)
        chosen[generator.integers(0, len(names), int(empty.sum())), empty] = 1
        weights *= chosen[places]
    total = weights.sum(axis=0)
    found = np.asarray((of_pairs * weights).sum(axis=0) / total)
    known = np.isfinite(of_pairs).all(axis=0)
    if not one_draw or not known.any():
        return found
    of_seeds = of_pairs[:, known].mean(axis=1)
    return np.asarray(found + (np.sqrt(len(of_pairs) + 1) - 1) * (of_seeds @ weights / total - of_seeds.mean()))


def score(metric: MetricName, counts: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """A metric of counts (..., n, n) by chart, of shape (...)."""
    if metric.score == "autoice":
        terms = [weight * _autoice_term(name, counts[name]) for name, weight in AUTOICE_WEIGHTS.items()]
        return np.asarray(sum(terms) / sum(AUTOICE_WEIGHTS.values()))
    ((chart, of_chart),) = counts.items()
    if metric.score == "r2":
        return r2_array(of_chart)
    if metric.class_name is not None:
        place = chart_classes(chart).index(metric.class_name)
        return np.asarray(score_arrays(of_chart)[f"class_{metric.score}"][..., place])
    return score_arrays(of_chart)[metric.score]


def p_value(draws: NDArray[np.float64], repeats: int) -> float:
    """Of both sides, that a score is 0: from its values on subsets; one without a value speaks against both sides."""
    known = draws[np.isfinite(draws)]
    missing = draws.size - known.size
    fewest = min(np.count_nonzero(known <= 0), np.count_nonzero(known >= 0)) + missing
    return min(2 * (repeats + float(fewest)) / (repeats + draws.size), 1.0)


def interval(draws: NDArray[np.float64], repeats: int, alpha: float = ALPHA) -> Interval:
    """The values that the test does not refuse at `alpha`: it holds 0 where and only where `p_value` is above it."""
    left_out = math.floor(alpha / 2 * (repeats + draws.size) - repeats + 1e-9)
    if left_out < 0:
        return UNKNOWN
    low = float(np.sort(np.where(np.isfinite(draws), draws, -np.inf))[left_out])
    high = float(np.sort(np.where(np.isfinite(draws), draws, np.inf))[-1 - left_out])
    return Interval(low=low, high=high) if np.isfinite([low, high]).all() else UNKNOWN


def holm(p_values: Sequence[float]) -> list[float]:
    """The level at which each comparison of a study is tested, so that all together keep `ALPHA` (Holm 1979).

    The smallest of m is tested at a m-th of it, the next at a (m - 1)-th, until one is not told apart; all others are
    tested as that one is.
    """
    levels = [ALPHA] * len(p_values)
    level, going = 0.0, True
    for step, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        level = ALPHA / (len(p_values) - step) if going else level
        levels[place] = level
        going = going and p_values[place] <= level + 1e-12
    return levels


def _autoice_term(name: str, counts: NDArray[np.float64]) -> NDArray[np.float64]:
    return r2_array(counts) if name == "SIC" else score_arrays(counts)["f1"]
