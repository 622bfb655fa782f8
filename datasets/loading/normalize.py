"""Channel statistics -> inputs for a network: zero mean, unit variance, no NaN."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from datasets.channels import CHANNELS, check_channels
from datasets.errors import LakeNotFoundError
from datasets.lake import Lake
from datasets.statistics import ChannelStatistics

MONTH: Final = ChannelStatistics(count=12, mean=6.5, std=3.5, scene_std=3.5)
"""The month runs over about -1.6 .. 1.6: (month - 6.5) / 3.5, as IceBench normalizes it for pixel-based networks."""


@dataclass(frozen=True, kw_only=True)
class Normalization:
    """(x - mean) / std of each channel, then NaN -> 0, which is the mean.

    Attributes:
        channels: Names in the order of the arrays.
        mean: One for each channel, in its units.
        std: One for each channel; a channel that never varies has 1, so that it becomes 0.
    """

    channels: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def from_lake(
        cls, lake: Lake, channels: Sequence[str], ratio: int, *, scene_average: bool = False
    ) -> "Normalization":
        """Takes the training statistics of a lake: SAR channels at the ratio, AMSR2 and ERA5 on the 2 km grid.

        Args:
            lake: Where.
            channels: Names in the order of the arrays.
            ratio: Downscale ratio to 40 m.
            scene_average: Divide by the average deviation within a scene instead of the deviation over all pixels.

        Raises:
            LakeNotFoundError: The lake has no statistics of this ratio, or none within scenes.
        """
        check_channels(channels)
        tables = {"sar": lake.moments(f"r{ratio}"), "km2": lake.moments("km2"), "scene": {"month": MONTH}}
        rows = [tables[CHANNELS[name].grid][name] for name in channels]
        stds = [_scene_std(row, lake) if scene_average else row.std for row in rows]
        return cls(
            channels=tuple(channels),
            mean=tuple(row.mean for row in rows),
            std=tuple(std if std > 0 else 1.0 for std in stds),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON content."""
        return {"channels": list(self.channels), "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "Normalization":
        """Reads what `to_dict` gave."""
        return cls(channels=tuple(content["channels"]), mean=tuple(content["mean"]), std=tuple(content["std"]))


def _scene_std(row: ChannelStatistics, lake: Lake) -> float:
    if row.scene_std is None:
        raise LakeNotFoundError(
            f"the lake {lake.url!r} has no deviations within scenes, which data.statistics = 'scene_average' needs: "
            "run its `python -m ingest build` again, which keeps the scenes and publishes them again"
        )
    return row.scene_std
