"""Mergeable statistics of one channel: count, mean, sum of squared deviations; scenes add up in any order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from statistics import fmean
from typing import Final

import numpy as np
from numpy.typing import NDArray

from datasets.statistics import ChannelStatistics

_STRIP: Final = 1 << 15
"""Values at a time: their float64 copies stay in the processor's cache, which makes it several times as fast."""


@dataclass(frozen=True)
class Moments:
    """Statistics of the finite values of some array.

    Attributes:
        count: Number of finite values.
        mean: 0 if there are none.
        m2: Sum of squared deviations from the mean.
    """

    count: int
    mean: float
    m2: float

    @classmethod
    def of(cls, values: NDArray[np.floating]) -> "Moments":
        """Moments of an array of any shape, summed in float64; NaN is left out."""
        flat = values.reshape(-1)
        return merge(_of_strip(flat[start : start + _STRIP]) for start in range(0, flat.size, _STRIP))

    def __add__(self, other: "Moments") -> "Moments":
        """Moments of both together (Chan, Golub and LeVeque 1979)."""
        count = self.count + other.count
        if count == 0:
            return self
        shift = other.mean - self.mean
        return Moments(
            count=count,
            mean=self.mean + shift * (other.count / count),
            m2=self.m2 + other.m2 + shift * shift * (self.count * other.count / count),
        )

    @property
    def statistics(self) -> ChannelStatistics:
        """Count, mean and population standard deviation."""
        std = float(np.sqrt(self.m2 / self.count)) if self.count else 0.0
        return ChannelStatistics(count=self.count, mean=self.mean, std=std)


NOTHING: Final = Moments(0, 0.0, 0.0)


def merge(parts: Iterable[Moments]) -> Moments:
    """Adds up any number of moments."""
    return reduce(Moments.__add__, parts, NOTHING)


def training_statistics(scenes: Sequence[Moments]) -> ChannelStatistics:
    """Statistics of a channel over scenes: of all pixels, and the average deviation within a scene."""
    within = [scene.statistics.std for scene in scenes if scene.count]
    found = merge(scenes).statistics
    return found.model_copy(update={"scene_std": fmean(within) if within else 0.0})


def _of_strip(values: NDArray[np.floating]) -> Moments:
    finite = np.isfinite(values)
    if not finite.all():
        values = values[finite]
    if values.size == 0:
        return NOTHING
    mean = float(np.add.reduce(values, dtype=np.float64)) / values.size
    deviations = np.subtract(values, mean, dtype=np.float64)
    # Not a dot product: BLAS sums in an order that depends on its threads, and a scene's fingerprint hashes these.
    np.square(deviations, out=deviations)
    return Moments(count=int(values.size), mean=mean, m2=float(np.add.reduce(deviations)))
