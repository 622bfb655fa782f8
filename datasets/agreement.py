"""How far two ice services agree on frames that both charted: the ceiling of what a network can be asked for."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.catalog import Catalog
from datasets.labels import CHARTS, IGNORE, Chart
from datasets.lake import Lake
from datasets.scene import SceneRecord


@dataclass(frozen=True, kw_only=True)
class ChartAgreement:
    """Two charts of one frame.

    Attributes:
        scenes: Their ids.
        chart: Name.
        counts: (classes, classes) int64, pixels by class of the first (rows) and of the second, where both have one.
        labelled: Pixels with a class in the first, and in the second.
    """

    scenes: tuple[str, str]
    chart: str
    counts: NDArray[np.int64]
    labelled: tuple[int, int]

    @property
    def both(self) -> int:
        """Pixels with a class in both."""
        return int(self.counts.sum())

    @property
    def agreement(self) -> float:
        """Share of these with the same class; NaN without any."""
        return float(np.trace(self.counts) / self.both) if self.both else float("nan")

    @property
    def kappa(self) -> float:
        """Cohen's kappa: agreement beyond that of two charts with these shares of classes by chance."""
        if not self.both:
            return float("nan")
        chance = float((self.counts.sum(axis=0) / self.both) @ (self.counts.sum(axis=1) / self.both))
        return (self.agreement - chance) / (1 - chance) if chance < 1 else float("nan")

    def f1(self, *, macro: bool = False) -> float:
        """F1 of one chart against the other: per class the same both ways.

        Weighted by the pixels that a class has in both charts on average, or the plain mean over the classes that
        either has.
        """
        hits, either = np.diagonal(self.counts), self.counts.sum(axis=0) + self.counts.sum(axis=1)
        there = either > 0
        scores = 2 * hits[there] / either[there]
        if not there.any():
            return float("nan")
        return float(scores.mean() if macro else np.average(scores, weights=either[there]))


def frames_charted_twice(catalog: Catalog) -> tuple[tuple[SceneRecord, SceneRecord], ...]:
    """Pairs of charted scenes of one acquisition by two ice services, of any split."""
    frames: dict[tuple[str, str], list[SceneRecord]] = {}
    for record in catalog:
        if record.charted:
            frames.setdefault((record.satellite, record.acquired.isoformat()), []).append(record)
    pairs = [group for group in frames.values() if len({record.provider for record in group}) > 1]
    return tuple((group[0], next(each for each in group if each.provider != group[0].provider)) for group in pairs)


def agreements(lake: Lake, ratio: int) -> Iterator[ChartAgreement]:
    """Agreement in each chart on each frame that two services charted, at a ratio; grids are those of one SAR image."""
    for first, second in frames_charted_twice(lake.catalog()):
        charts = [lake.scene(record.scene_id).whole(ratio, CHARTS) for record in (first, second)]
        for name, chart in CHARTS.items():
            yield compare_charts((first.scene_id, second.scene_id), chart, charts[0][name], charts[1][name])


def compare_charts(
    scenes: tuple[str, str], chart: Chart, first: NDArray[np.generic], second: NDArray[np.generic]
) -> ChartAgreement:
    """Counts two rasters (lines, samples) of classes, 255 = no label, over the part that both have."""
    lines, samples = (min(sides) for sides in zip(first.shape, second.shape, strict=True))
    one, other = (each[:lines, :samples].astype(np.int64).ravel() for each in (first, second))
    known = (one != IGNORE) & (other != IGNORE)
    n = chart.n_classes
    counts = np.bincount(one[known] * n + other[known], minlength=n * n).reshape(n, n)
    labelled = int((one != IGNORE).sum()), int((other != IGNORE).sum())
    return ChartAgreement(scenes=scenes, chart=chart.name, counts=counts, labelled=labelled)
