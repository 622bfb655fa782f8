"""Channel statistics -> inputs for a network: zero mean, unit variance, no NaN."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Literal

from datasets.channels import CHANNELS, check_channels
from datasets.errors import LakeNotFoundError
from datasets.lake import Lake
from datasets.statistics import ChannelStatistics, statistics_of
from datasets.storage import READERS

MONTH: Final = ChannelStatistics(count=12, mean=6.5, std=3.5, scene_std=3.5)
"""The month runs over about -1.6 .. 1.6: (month - 6.5) / 3.5, as IceBench normalizes it for pixel-based networks."""


Backscatter = Literal["dB", "power", "amplitude"]
"""What SAR backscatter is given as: as the lake has it, 10^(dB/10), or 10^(dB/20)."""

DECIBELS: Final[Mapping[Backscatter, float]] = {"power": 10.0, "amplitude": 20.0}
"""Decibels by which a value in linear units is ten times as large."""


@dataclass(frozen=True, kw_only=True)
class Normalization:
    """(x - mean) / std of each channel, then NaN -> 0, which is the mean.

    Attributes:
        channels: Names in the order of the network's inputs; one may stand several times.
        mean: One for each channel, in its units.
        std: One for each channel; a channel that never varies has 1, so that it becomes 0.
        sar: What SAR backscatter is turned into before.
    """

    channels: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    sar: Backscatter = "dB"

    @classmethod
    def from_lake(
        cls,
        lake: Lake,
        channels: Sequence[str],
        ratio: int,
        *,
        scene_average: bool = False,
        scene_ids: Sequence[str] | None = None,
    ) -> "Normalization":
        """Takes the training statistics of a lake: SAR channels at the ratio, AMSR2 and ERA5 on the 2 km grid.

        Args:
            lake: Where.
            channels: Names in the order of the arrays.
            ratio: Downscale ratio to 40 m.
            scene_average: Divide by the average deviation within a scene instead of the deviation over all pixels.
            scene_ids: Only these scenes, whose own statistics are read; None takes all training scenes of the lake.

        Raises:
            LakeNotFoundError: The lake has no statistics of this ratio, or none within scenes.
        """
        check_channels(channels)
        sar, km2 = f"r{ratio}", "km2"
        groups = _of_scenes(lake, scene_ids, (sar, km2)) if scene_ids is not None else lake.moments
        tables = {"sar": groups(sar), "km2": groups(km2), "scene": {"month": MONTH}}
        rows = [tables[CHANNELS[name].grid][name] for name in channels]
        stds = [_scene_std(row, lake) if scene_average else row.std for row in rows]
        return cls(
            channels=tuple(channels),
            mean=tuple(row.mean for row in rows),
            std=tuple(std if std > 0 else 1.0 for std in stds),
        )

    def as_wanted(
        self,
        channels: Sequence[str],
        mean: Sequence[float | None] = (),
        std: Sequence[float | None] = (),
        sar: Backscatter = "dB",
    ) -> "Normalization":
        """That of a network that was trained elsewhere.

        Args:
            channels: Of these, in the order of its inputs.
            mean: One for each input; None, and an empty sequence, take that of these.
            std: Likewise.
            sar: What SAR backscatter is turned into before.
        """
        places = [self.channels.index(name) for name in channels]
        means, stds = (
            tuple(
                own[place] if value is None else value
                for place, value in zip(places, given or [None] * len(places), strict=True)
            )
            for own, given in ((self.mean, mean), (self.std, std))
        )
        return Normalization(channels=tuple(channels), mean=means, std=stds, sar=sar)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON content."""
        return {"channels": list(self.channels), "mean": list(self.mean), "std": list(self.std), "sar": self.sar}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "Normalization":
        """Reads what `to_dict` gave."""
        return cls(
            channels=tuple(content["channels"]),
            mean=tuple(content["mean"]),
            std=tuple(content["std"]),
            sar=content.get("sar", "dB"),  # earlier checkpoints have dB only
        )


def _of_scenes(
    lake: Lake, scene_ids: Sequence[str], groups: Sequence[str]
) -> Callable[[str], Mapping[str, ChannelStatistics]]:
    """Statistics of a group of channels over some scenes."""

    def moments(scene_id: str) -> list[Mapping[str, tuple[int, float, float]]]:
        found = lake.scene(scene_id).moments
        return [found[group] for group in groups]

    with ThreadPoolExecutor(READERS) as threads:
        scenes = list(threads.map(moments, scene_ids))
    tables = {
        group: {name: statistics_of([scene[place][name] for scene in scenes if name in scene[place]]) for name in names}
        for place, group in enumerate(groups)
        for names in [dict.fromkeys(name for scene in scenes for name in scene[place])]
    }
    return tables.__getitem__


def _scene_std(row: ChannelStatistics, lake: Lake) -> float:
    if row.scene_std is None:
        raise LakeNotFoundError(
            f"the lake {lake.url!r} has no deviations within scenes, which data.statistics = 'scene_average' needs: "
            "run its `python -m ingest build` again, which keeps the scenes and publishes them again"
        )
    return row.scene_std
