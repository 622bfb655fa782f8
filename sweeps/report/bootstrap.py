"""Intervals over test scenes: what would the score be, had other scenes of the same kind been tested?

Scenes are drawn with replacement, their confusion matrices added up, and the sum is scored as a test set is. The draws
depend on the number of scenes alone, so trials on the same scenes are drawn alike and differences are paired.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sweeps.report.evidence import FinishedTrial
from sweeps.report.wording import chart_classes
from training.evaluation.matrix_scores import r2_array, score_arrays
from training.evaluation.metric_names import MetricName
from training.evaluation.metrics import AUTOICE_WEIGHTS

DRAWS: Final = 2000
"""Test sets drawn: the ends of a 95 % interval are then known to about a twentieth of its width."""
CONFIDENCE: Final = 95.0
"""Percent of the draws within an interval."""
_SEED: Final = 20180325
_MOST_EMPTY: Final = 0.05
"""Largest share of draws without a score (no scene with the class was drawn) that still gives an interval."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Between which values `CONFIDENCE` percent of the draws lie; NaN where there is none."""

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
class Sampled:
    """A score of one trial on some scenes, and on every drawn test set: `draws` (DRAWS,) float64."""

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


def sample(trial: FinishedTrial, metric: MetricName, scenes: Sequence[str]) -> Sampled:
    """Scores a trial on these scenes of `scored_scenes`, at least one, together; and on test sets drawn from them."""
    assert trial.result is not None
    stacks: dict[str, NDArray[np.float64]] = {}
    for chart in charts_of(trial, metric):
        of_scene = trial.result.scene_matrices(metric.grid, chart)
        stacks[chart] = np.array([of_scene[scene] for scene in scenes], dtype=np.float64)
    times = multiplicities(len(scenes))
    pooled = {chart: stack.sum(axis=0) for chart, stack in stacks.items()}
    drawn = {
        chart: (times @ stack.reshape(len(scenes), -1)).reshape(-1, *stack.shape[1:]) for chart, stack in stacks.items()
    }
    return Sampled(value=float(score(metric, pooled)), draws=score(metric, drawn))


@cache
def multiplicities(n_scenes: int) -> NDArray[np.float64]:
    """How often each scene is in each drawn test set: (DRAWS, n_scenes), rows add up to n_scenes; always the same."""
    chances = np.full(n_scenes, 1 / n_scenes)
    drawn = np.random.default_rng(_SEED).multinomial(n_scenes, chances, size=DRAWS).astype(np.float64)
    drawn.setflags(write=False)
    return drawn


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


def interval(draws: NDArray[np.float64]) -> Interval:
    """Percentile interval of draws; unknown where too many of them have no score."""
    known = draws[np.isfinite(draws)]
    if known.size < (1 - _MOST_EMPTY) * draws.size or draws.size == 0:
        return UNKNOWN
    low, high = np.percentile(known, [50 - CONFIDENCE / 2, 50 + CONFIDENCE / 2])
    return Interval(low=float(low), high=float(high))


def _autoice_term(name: str, counts: NDArray[np.float64]) -> NDArray[np.float64]:
    return r2_array(counts) if name == "SIC" else score_arrays(counts)["f1"]
