"""What networks say of a block, as the numbers of a scene map: classes, probabilities, entropy and spread.

Shapes: n classes of a chart, H lines, W samples of a block; tensors are on the networks' device.
"""

import math
from dataclasses import dataclass
from typing import Self

import torch

from datasets.labels import IGNORE, Chart
from training.models.heads import Head
from training.prediction.scene_map import LAND, layer_name


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One network's answer about a chart.

    Attributes:
        probabilities: (n, H, W) float32 of the classes. A regression has none: those on both sides of its value share
            one by nearness, 0.6 and 0.4 at 3.4.
        classes: (H, W) uint8.
        value: (1, H, W) float32 of a regression, between the first class and the last.
    """

    probabilities: torch.Tensor
    classes: torch.Tensor
    value: torch.Tensor | None = None

    @classmethod
    def of(cls, head: Head, outputs: torch.Tensor) -> Self:
        """From outputs (K, H, W); the class is that of the scores."""
        own, classes = head.of(outputs[None])[0], head.classes(outputs[None])[0]
        if not head.regression:
            return cls(probabilities=own.softmax(dim=0), classes=classes)
        value = own.clamp(0, head.chart.n_classes - 1)
        return cls(probabilities=_by_nearness(value, head.chart.n_classes), classes=classes, value=value)


class Ensemble:
    """Mean and spread over the answers of several networks, which are not kept: two sums, however many there are.

    The mean is one of probabilities; where `values` says that all networks are regressions, it is one of their values,
    so that 20 % and 40 % ice are 30 %, and the spread is in parts of the way from the first class to the last.
    """

    def __init__(self, *, values: bool = False) -> None:
        self._values = values
        self._answers = 0

    def add(self, answer: Answer) -> None:
        """Takes one more answer."""
        own = answer.value if self._values else answer.probabilities
        assert own is not None  # only regressions are averaged by value
        if not self._answers:
            self._first, self._sum, self._squares = answer.classes, own, torch.zeros(())
        else:
            if self._answers == 1:
                self._squares = self._sum.square()
            self._sum, self._squares = self._sum + own, self._squares + own.square()
        self._answers += 1

    def layers(self, chart: Chart, land: torch.Tensor, no_sar: torch.Tensor) -> dict[str, torch.Tensor]:
        """Layers of a map, uint8, by name; `land` and `no_sar` are (H, W) bool."""
        mean, n = self._sum / self._answers, chart.n_classes
        if self._values:
            classes, p = mean[0].round().to(torch.uint8), _by_nearness(mean, n)
        else:
            classes, p = self._first if self._answers == 1 else mean.argmax(dim=0).to(torch.uint8), mean
        terms = (p * p.clamp(min=1e-12).log()).sum(dim=0)
        found = {
            layer_name(chart.name, "probability"): p,
            layer_name(chart.name, "entropy"): (-terms / math.log(n)).clamp(0, 1),
        }
        if self._answers > 1:
            variance = self._squares / self._answers - mean.square()
            of_class = variance / (n - 1) ** 2 if self._values else variance.gather(0, classes[None].long())
            found[layer_name(chart.name, "spread")] = of_class[0].clamp(min=0).sqrt()
        empty = land | no_sar
        hundredths = {name: (values * 100).round_().to(torch.uint8) for name, values in found.items()}
        packed = {name: values.masked_fill_(empty, IGNORE) for name, values in hundredths.items()}
        return {chart.name: classes.masked_fill(no_sar, IGNORE).masked_fill(land, LAND), **packed}


def _by_nearness(value: torch.Tensor, n_classes: int) -> torch.Tensor:
    """Shares (n, H, W) of the classes beside a value (1, H, W)."""
    numbers = torch.arange(n_classes, device=value.device)[:, None, None]
    return (1 - (value - numbers).abs()).clamp(min=0)
