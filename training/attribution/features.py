"""What importance is given to: every channel, and groups of channels by where they come from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.channels import CHANNELS, GROUPS, group_of


@dataclass(frozen=True, kw_only=True)
class Features:
    """Channels and groups of them, side by side along one axis: first every channel, then every group.

    Attributes:
        inputs: Channels of the network's inputs in order; what one has several times has one importance.
        channels: Each of them once.
        groups: Those that have a channel; empty if they are not wanted.
    """

    inputs: tuple[str, ...]
    channels: tuple[str, ...]
    groups: tuple[str, ...] = ()

    @classmethod
    def of(cls, inputs: Sequence[str], *, groups: bool = True) -> "Features":
        """All channels, and the groups that they form."""
        present = {group_of(name) for name in inputs}
        return cls(
            inputs=tuple(inputs),
            channels=tuple(dict.fromkeys(inputs)),
            groups=tuple(each for each in GROUPS if groups and each in present),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names along the axis."""
        return (*self.channels, *self.groups)

    def __len__(self) -> int:
        return len(self.channels) + len(self.groups)

    def members(self, place: int) -> tuple[int, ...]:
        """Places of a feature among the inputs."""
        if place < len(self.channels):
            return tuple(number for number, name in enumerate(self.inputs) if name == self.channels[place])
        group = self.groups[place - len(self.channels)]
        return tuple(number for number, name in enumerate(self.inputs) if group_of(name) == group)

    def sums_over_channels(self) -> NDArray[np.float64]:
        """(inputs, features) float64 of 0 and 1: what is additive over inputs, times this, is per feature."""
        matrix = np.zeros((len(self.inputs), len(self)))
        for place in range(len(self)):
            matrix[list(self.members(place)), place] = 1.0
        return matrix


def channel_label(channel: str) -> str:
    """Long name, short enough for an axis."""
    return CHANNELS[channel].long_name.replace("brightness temperature ", "").replace("total column ", "column ")
