"""What networks say of a block, as the numbers of a scene map: classes, probabilities, entropy and spread.

Shapes: n classes of a chart, H lines, W samples of a block; tensors are on the networks' device.
"""

import math
from dataclasses import dataclass
from typing import Self

import torch

from datasets.labels import IGNORE, Chart
from training.models.heads import Head
from training.prediction.scene_map import LAND, entropy_name, probability_name, spread_name


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One network's answer: probabilities (n, H, W) float32 of the classes of a chart, and its class (H, W) uint8."""

    probabilities: torch.Tensor
    classes: torch.Tensor

    @classmethod
    def of(cls, head: Head, outputs: torch.Tensor) -> Self:
        """From outputs (K, H, W). A regression has no probabilities: the classes on both sides share one by nearness.

        So theirs are 0.6 and 0.4 at 3.4, the class is that of the scores, and the mean over networks is a mean value.
        """
        own, classes = head.of(outputs[None])[0], head.classes(outputs[None])[0]
        if not head.regression:
            return cls(probabilities=own.softmax(dim=0), classes=classes)
        numbers = torch.arange(head.chart.n_classes, device=own.device)[:, None, None]
        value = own.clamp(0, head.chart.n_classes - 1)
        return cls(probabilities=(1 - (value - numbers).abs()).clamp(min=0), classes=classes)


class Ensemble:
    """Mean and spread over the answers of several networks, which are not kept: two sums, however many there are."""

    def __init__(self) -> None:
        self._answers = 0

    def add(self, answer: Answer) -> None:
        """Takes one more answer."""
        p = answer.probabilities
        if not self._answers:
            self._first, self._sum, self._squares = answer.classes, p, torch.zeros(())
        else:
            if self._answers == 1:
                self._squares = self._sum.square()
            self._sum, self._squares = self._sum + p, self._squares + p.square()
        self._answers += 1

    def layers(self, chart: Chart, land: torch.Tensor, no_sar: torch.Tensor) -> dict[str, torch.Tensor]:
        """Layers of a map, uint8, by name; `land` and `no_sar` are (H, W) bool."""
        mean = self._sum / self._answers
        classes = self._first if self._answers == 1 else mean.argmax(dim=0).to(torch.uint8)
        terms = (mean * mean.clamp(min=1e-12).log()).sum(dim=0)
        found = {
            probability_name(chart.name): mean,
            entropy_name(chart.name): (-terms / math.log(chart.n_classes)).clamp(0, 1),
        }
        if self._answers > 1:
            variance = self._squares / self._answers - mean.square()
            chosen = variance.gather(0, classes[None].long())[0]
            found[spread_name(chart.name)] = chosen.clamp(min=0).sqrt()
        empty = land | no_sar
        packed = {name: _hundredths(values).masked_fill_(empty, IGNORE) for name, values in found.items()}
        return {chart.name: classes.masked_fill(no_sar, IGNORE).masked_fill(land, LAND), **packed}


def _hundredths(values: torch.Tensor) -> torch.Tensor:
    return (values * 100).round_().to(torch.uint8)
