"""Statistics of one channel, as the lake keeps them for its training scenes."""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean

from pydantic import BaseModel, ConfigDict


class ChannelStatistics(BaseModel):
    """Statistics of one channel over all finite pixels of the training scenes.

    Attributes:
        count: Number of pixels.
        mean: In the channel's units.
        std: Population standard deviation over all pixels, so within and between scenes.
        scene_std: Standard deviation within a scene, averaged over the scenes that have the channel, each with the same
            weight; None in a lake whose catalog was published before it was kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int
    mean: float
    std: float
    scene_std: float | None = None


def statistics_of(scenes: Sequence[tuple[int, float, float]]) -> ChannelStatistics:
    """Statistics of a channel over scenes, each with its count, mean and sum of squared deviations (M2)."""
    count = sum(each[0] for each in scenes)
    if not count:
        return ChannelStatistics(count=0, mean=0.0, std=0.0, scene_std=0.0)
    mean = sum(n * own for n, own, _ in scenes) / count
    m2 = sum(own_m2 + n * (own - mean) ** 2 for n, own, own_m2 in scenes)
    within = [sqrt(own_m2 / n) for n, _, own_m2 in scenes if n]
    return ChannelStatistics(count=count, mean=mean, std=sqrt(m2 / count), scene_std=fmean(within))
