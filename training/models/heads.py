"""What the outputs of a network mean: one head per target chart, side by side along the output axis.

A separate last layer for each chart is the same as one last layer with all their outputs, so every network has one
output tensor and a head is a range of it.
"""

from dataclasses import dataclass

import torch

from datasets.labels import Chart, chart
from training.spec import TrialSpec


@dataclass(frozen=True, kw_only=True)
class Head:
    """Outputs `first` .. `first + width - 1` of a network.

    Attributes:
        chart: What they predict.
        regression: One output, the class number itself; otherwise one logit per class.
        first: Place of the first.
    """

    chart: Chart
    regression: bool
    first: int

    @property
    def width(self) -> int:
        """Number of outputs."""
        return 1 if self.regression else self.chart.n_classes

    def of(self, outputs: torch.Tensor) -> torch.Tensor:
        """The head's part of (B, K, ...) outputs."""
        return outputs[:, self.first : self.first + self.width]

    def classes(self, outputs: torch.Tensor) -> torch.Tensor:
        """Class numbers (B, ...) uint8 of (B, K, ...) outputs: the largest logit, or the nearest class of a value."""
        own = self.of(outputs)
        if self.regression:
            return own[:, 0].round().clamp(0, self.chart.n_classes - 1).to(torch.uint8)
        return own.argmax(dim=1).to(torch.uint8)


def heads_of(spec: TrialSpec) -> tuple[Head, ...]:
    """The heads of a trial, one per target, in order."""
    heads: list[Head] = []
    for name in spec.data.targets:
        first = heads[-1].first + heads[-1].width if heads else 0
        heads.append(Head(chart=chart(name), regression=name == "SIC" and spec.loss.sic == "regression", first=first))
    return tuple(heads)


def n_outputs(spec: TrialSpec) -> int:
    """Outputs of the network: those of all heads."""
    return sum(head.width for head in heads_of(spec))
