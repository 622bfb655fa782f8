"""Cells of a study: mean, spread and number over seeds, and how two cells differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np

from sweeps.report.bootstrap import UNKNOWN, Interval, Sampled, interval, sample, scored_scenes
from sweeps.report.evidence import Evidence, FinishedTrial
from sweeps.report.labels import Key, first_target
from training.evaluation.metric_names import MetricName, parse_metric

FEW_SCENES: Final = 5
"""Fewer scenes than this hardly say what other scenes would give."""

NO_SCENES: Final = "no test scenes"
NOT_FINISHED: Final = "not finished"
NO_LABELS: Final = "no labelled pixel"

Verdict = Literal["higher", "lower", "seeds disagree", "not told apart", "unknown"]


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
        value: Difference of the objective on their common test scenes, averaged over common seeds; NaN without any.
        interval: Over test scenes.
        seeds: Common seeds, or pairs of seeds where these are not common.
        agreeing: Seeds whose difference has the sign of `value`.
        spread: Sample standard deviation over seeds of the difference.
        scenes: Common test scenes; 0 where results could not be read or the objective does not come from them.
        own_scenes: Scenes of the two cells that are not common.
    """

    key: Key
    against: Key
    value: float
    interval: Interval
    seeds: int
    agreeing: int
    spread: float
    scenes: int
    own_scenes: int

    @property
    def verdict(self) -> Verdict:
        """Higher or lower where the interval does not hold 0 and every seed has the same sign."""
        if not self.interval.known:
            return "unknown"
        if self.interval.holds(0.0):
            return "not told apart"
        if self.agreeing < self.seeds:
            return "seeds disagree"
        return "higher" if self.value > 0 else "lower"


def spread_of(values: Sequence[float]) -> Spread:
    """Mean and spread over seeds, a value for each; NaN among them are left out."""
    known = np.array([value for value in values if np.isfinite(value)])
    return Spread(
        mean=float(known.mean()) if known.size else float("nan"),
        spread=float(known.std(ddof=1)) if known.size > 1 else float("nan"),
        n=int(known.size),
    )


class CellComparison:
    """The cells of a study by its objective.

    Attributes:
        evidence: The study.
        objective: Name of the metric.
        metric: What it says; None where it does not come from confusion matrices, which then gives no interval.
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.objective = evidence.design.objective
        self.metric: MetricName | None = parse_metric(self.objective)
        self._samples: dict[tuple[str, tuple[str, ...]], Sampled] = {}

    @property
    def lower_is_better(self) -> bool:
        """Losses and costs."""
        return self.objective.startswith("cost/") or self.objective.endswith("loss")

    @cached_property
    def keys(self) -> tuple[Key, ...]:
        """Cells with a finished trial that has the objective."""
        return tuple(key for key in self.evidence.keys if self.spread(key, self.objective).n)

    def spread(self, key: Key, metric: str) -> Spread:
        """A metric over the seeds of a cell."""
        return spread_of([trial.metrics.get(metric, float("nan")) for trial in self.evidence.trials_of(key)])

    def reference(self, task: str) -> Key | None:
        """The first cell of a task."""
        return next((key for key in self.keys if self.evidence.task_of[key] == task), None)

    def best(self, task: str) -> Key | None:
        """The cell of a task with the best mean of the objective."""
        own = [key for key in self.keys if self.evidence.task_of[key] == task]
        sign = -1.0 if self.lower_is_better else 1.0
        return max(own, key=lambda key: sign * self.spread(key, self.objective).mean, default=None)

    def scene_interval(self, key: Key) -> Interval:
        """Of the mean over seeds of the objective of a cell, over its test scenes."""
        trials = self.evidence.trials_of(key)
        scenes = self._common_scenes(trials)
        if len(scenes) < 2:
            return UNKNOWN
        return interval(np.mean([self._sample(trial, scenes).draws for trial in trials], axis=0))

    def scenes(self, key: Key) -> int:
        """Test scenes of the objective of a cell."""
        return len(self._common_scenes(self.evidence.trials_of(key)))

    def difference(self, key: Key, against: Key, *, any_seed: bool = False) -> Difference:
        """A cell minus another, `against`: paired by seed and by test scene.

        Without a common seed `any_seed` pairs every seed of one with every seed of the other.
        """
        one, other = ({trial.seed: trial for trial in self.evidence.trials_of(each)} for each in (key, against))
        pairs = [(one[seed], other[seed]) for seed in sorted(one.keys() & other.keys())]
        if any_seed and not pairs:
            pairs = [(a, b) for a in one.values() for b in other.values()]
        trials = [trial for pair in pairs for trial in pair]
        scenes = self._common_scenes(trials)
        if scenes:
            samples = [(self._sample(a, scenes), self._sample(b, scenes)) for a, b in pairs]
            by_seed = [a.value - b.value for a, b in samples]
            draws = np.mean([a.draws - b.draws for a, b in samples], axis=0)
            found = interval(draws) if len(scenes) > 1 else UNKNOWN
        else:
            nan = float("nan")
            by_seed = [a.metrics.get(self.objective, nan) - b.metrics.get(self.objective, nan) for a, b in pairs]
            found = UNKNOWN
        over_seeds = spread_of(by_seed)
        metric = self.metric
        every = {scene for trial in trials for scene in scored_scenes(trial, metric)} if metric is not None else set()
        return Difference(
            key=key,
            against=against,
            value=over_seeds.mean,
            interval=found,
            seeds=len(pairs),
            agreeing=sum(bool(np.sign(value) == np.sign(over_seeds.mean)) for value in by_seed),
            spread=over_seeds.spread,
            scenes=len(scenes),
            own_scenes=len(every) - len(scenes) if scenes else 0,
        )

    def differences(self, task: str) -> list[Difference]:
        """Every cell of a task against its reference, then every one against its best."""
        reference, best = self.reference(task), self.best(task)
        own = [key for key in self.keys if self.evidence.task_of[key] == task]
        against = [each for each in dict.fromkeys((reference, best)) if each is not None]
        return [self.difference(key, other) for other in against for key in own if key != other]

    def why_empty(self, key: Key, metric: MetricName | None) -> str:
        """Why a cell has no such score: it was left out, is not finished, has no scenes or labels; else a dash."""
        trials = self.evidence.trials_of(key)
        if not trials:
            return self.evidence.left_out.get(key, NOT_FINISHED)
        results = [trial.result for trial in trials if trial.result is not None]
        if not results or metric is None:
            return "–"
        rows = [row for result in results for row in result.scenes]
        chart = metric.chart or first_target(trials[0].row.params)
        own = [row for row in rows if metric.bin in (None, row.season, row.location, row.cryoseason)]
        if not own:
            return NO_SCENES
        return NO_LABELS if not any(row.n for row in own if row.chart == chart and row.grid == metric.grid) else "–"

    def _common_scenes(self, trials: Sequence[FinishedTrial]) -> tuple[str, ...]:
        if self.metric is None or not trials:
            return ()
        every = [set(scored_scenes(trial, self.metric)) for trial in trials]
        return tuple(sorted(set.intersection(*every)))

    def _sample(self, trial: FinishedTrial, scenes: tuple[str, ...]) -> Sampled:
        assert self.metric is not None
        where = (trial.row.run_id, scenes)
        if where not in self._samples:
            self._samples[where] = sample(trial, self.metric, scenes)
        return self._samples[where]
