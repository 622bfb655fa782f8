"""Cells of a study by its objective: reference, best, and what each differs by from these."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property, reduce
from operator import add
from typing import Final

import numpy as np

from sweeps.report.differences import Difference, Spread, corrected, spread_of
from sweeps.report.evidence import Evidence, FinishedTrial
from sweeps.report.intervals import (
    UNKNOWN,
    Interval,
    Sampled,
    charts_of,
    interval,
    over_seeds,
    passes_in,
    sample,
    scored_scenes,
    subsets,
    subsets_for,
)
from sweeps.report.labels import Key, first_target
from sweeps.report.wording import chart_classes
from training.evaluation.bins import ScoreKey
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.metric_names import ICE, MetricName, parse_metric

NO_SCENES: Final = "no test scenes"
NOT_FINISHED: Final = "not finished"
NO_LABELS: Final = "no labelled pixel"


class CellComparison:
    """The cells of a study by its objective.

    Weighted F1 is compared beside published numbers and is made by common classes; macro F1 over ice is what rare ice
    types weigh in. A study that is asked by one of them is always answered by both.

    Attributes:
        evidence: The study.
        objective: Name of the metric.
        metric: What it says; None where it does not come from confusion matrices, which then gives no interval.
        second: The same cells by the other of the two scores; None where the objective is neither, or no trial has it.
        most: Most subsets of passes that scores are taken on: enough for the comparisons of `differences`, which are
            corrected together.
    """

    def __init__(self, evidence: Evidence, objective: str = "", *, first: "CellComparison | None" = None) -> None:
        self.evidence = evidence
        self.objective = objective or evidence.design.objective
        self.metric: MetricName | None = parse_metric(self.objective)
        self._samples: dict[tuple[str, tuple[str, ...]], Sampled] = {}
        self._first = first or self
        self.second = None if first is not None else self._by_other_score()

    @property
    def both(self) -> tuple["CellComparison", ...]:
        """This comparison and the second one, where there is one."""
        return (self, self.second) if self.second is not None else (self,)

    @cached_property
    def most(self) -> int:
        """See above."""
        if self._first is not self:
            return self._first.most
        return subsets_for(len({(by.objective, frozenset(pair)) for by in self.both for pair in by._pairs()}))

    def with_most(self, comparisons: int) -> "CellComparison":
        """The same, where so many comparisons are corrected together."""
        if subsets_for(comparisons) == self.most:
            return self
        found = CellComparison(self.evidence, self.objective)
        found.most = subsets_for(comparisons)
        return found

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
        draws = np.mean([self._sample(trial, scenes).draws for trial in trials], axis=0)
        return interval(draws, subsets(passes_in(scenes), self.most).repeats)

    def scenes(self, key: Key) -> int:
        """Test scenes of the objective of a cell."""
        return len(self._common_scenes(self.evidence.trials_of(key)))

    def passes(self, key: Key) -> int:
        """Orbit passes of these."""
        return passes_in(self._common_scenes(self.evidence.trials_of(key)))

    def difference(self, key: Key, against: Key, *, any_seed: bool = False, one_draw: bool = False) -> Difference:
        """A cell minus another, `against`: paired by seed and by test scene, and tested by itself.

        Without a common seed `any_seed` pairs every seed of one with every seed of the other. With `one_draw` the
        training scenes of `against` are drawn by its seeds, and those of `key` are the same for all (`over_seeds`).
        """
        one, other = ({trial.seed: trial for trial in self.evidence.trials_of(each)} for each in (key, against))
        common = sorted(one.keys() & other.keys())
        pairs = [(one[seed], other[seed]) for seed in common]
        sides: tuple[Sequence[int], ...] = (common,)
        if any_seed and not pairs:
            pairs = [(a, b) for a in one.values() for b in other.values()]
            sides = ([a.seed for a, _ in pairs], [b.seed for _, b in pairs])
        trials = [trial for pair in pairs for trial in pair]
        scenes = self._common_scenes(trials)
        draws = np.zeros(0)
        if scenes:
            samples = [(self._sample(a, scenes), self._sample(b, scenes)) for a, b in pairs]
            by_seed = [a.value - b.value for a, b in samples]
            draws = over_seeds(np.stack([a.draws - b.draws for a, b in samples]), sides, one_draw=one_draw)
        else:
            nan = float("nan")
            by_seed = [a.metrics.get(self.objective, nan) - b.metrics.get(self.objective, nan) for a, b in pairs]
        mean = spread_of(by_seed)
        metric = self.metric
        every = {scene for trial in trials for scene in scored_scenes(trial, metric)} if metric is not None else set()
        return Difference(
            key=key,
            against=against,
            objective=self.objective,
            value=mean.mean,
            draws=draws,
            most=self.most,
            seeds=len(pairs),
            agreeing=sum(bool(np.sign(value) == np.sign(mean.mean)) for value in by_seed),
            spread=mean.spread,
            scenes=len(scenes),
            passes=passes_in(scenes),
            own_scenes=len(every) - len(scenes) if scenes else 0,
        )

    def differences(self, task: str) -> list[Difference]:
        """Every cell of a task against its reference, then every one against its best.

        All comparisons of the study, by both scores and of both tasks, are corrected for their number together. The
        best against the reference, and the reference against the best, are one of them.
        """
        return [
            each
            for each in self._first._every
            if each.objective == self.objective and self.evidence.task_of[each.key] == task
        ]

    @cached_property
    def _every(self) -> list[Difference]:
        found = [by.difference(*pair) for by in self.both for pair in by._pairs()]
        once = {_comparison(each): each for each in found}
        tested = dict(zip(once, corrected(list(once.values())), strict=True))
        return [
            replace(each, level=own.level, compared=own.compared)
            for each, own in ((each, tested[_comparison(each)]) for each in found)
        ]

    def _pairs(self) -> Iterable[tuple[Key, Key]]:
        for task in self.evidence.tasks:
            own = [key for key in self.keys if self.evidence.task_of[key] == task]
            against = [each for each in dict.fromkeys((self.reference(task), self.best(task))) if each is not None]
            yield from ((key, other) for other in against for key in own if key != other)

    def pooled(self, key: Key) -> tuple[str, ConfusionMatrix] | None:
        """Chart and matrix of a cell on the objective's grid, added up over its seeds; None without results."""
        trials = [trial for trial in self.evidence.trials_of(key) if trial.result is not None]
        if self.metric is None or self.metric.score == "autoice" or not trials:
            return None
        target = next(iter(charts_of(trials[0], self.metric)), "")
        name = ScoreKey(self.metric.grid, target)
        found = [trial.result.matrices.get(name) for trial in trials if trial.result is not None]
        if None in found:
            return None
        return target, reduce(add, (ConfusionMatrix.from_lists(rows) for rows in found if rows is not None))

    def never_right(self, key: Key) -> tuple[str, ...]:
        """Classes that the test scenes have and that no seed of a cell names right anywhere."""
        pooled = self.pooled(key)
        if pooled is None:
            return ()
        counts = pooled[1].counts
        missed = (counts.sum(axis=1) > 0) & (counts.diagonal() == 0)
        return tuple(name for name, never in zip(chart_classes(pooled[0]), missed, strict=True) if never)

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
            self._samples[where] = sample(trial, self.metric, scenes, self.most)
        return self._samples[where]

    def _by_other_score(self) -> "CellComparison | None":
        metric = self.metric
        if metric is None or metric.class_name is not None or metric.score not in ("f1", ICE):
            return None
        name = str(replace(metric, score=ICE if metric.score == "f1" else "f1"))
        if not any(name in trial.metrics for trial in self.evidence.finished):
            return None
        return CellComparison(self.evidence, name, first=self)


def _comparison(difference: Difference) -> tuple[str, frozenset[Key]]:
    """What a difference compares; the same for a cell minus another and for the other minus it."""
    return difference.objective, frozenset((difference.key, difference.against))
