"""The loss of a trial, from sums that add up: over patches, tiles, scenes and processes.

A batch that is almost unlabelled must not weigh as much as a full one, and two half batches on two GPUs must give the
same as one whole batch on one GPU. So a loss has two steps: sums over labelled pixels (or patches), then one number.

Shapes: B batch, T targets, K outputs of all heads, H lines, W samples. Labels: class 0..n-1, 255 = no label.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from datasets.labels import IGNORE
from training.loop.machine import sent
from training.models.heads import Head
from training.spec import LossSpec

_SMOOTH = 1.0
"""Added above and below in Dice, so that a class absent from truth and prediction costs nothing (Milletari et al.)."""


@dataclass(frozen=True, kw_only=True)
class LossSums:
    """Sums over labelled pixels, float32 on the device.

    Attributes:
        total: (T,) sum of the loss of each target.
        count: (T,) labelled pixels of each target.
        overlap: (K,) sum of probability times truth by output; 0 for a regression output and without Dice.
        extent: (K,) sum of probability plus truth by output; 0 for a regression output and without Dice.
    """

    total: torch.Tensor
    count: torch.Tensor
    overlap: torch.Tensor
    extent: torch.Tensor

    @classmethod
    def zero(cls, heads: Sequence[Head]) -> "LossSums":
        """Sums of zero, float64 on the CPU."""
        targets, outputs = len(heads), sum(head.width for head in heads)
        return cls(
            total=torch.zeros(targets, dtype=torch.float64),
            count=torch.zeros(targets, dtype=torch.float64),
            overlap=torch.zeros(outputs, dtype=torch.float64),
            extent=torch.zeros(outputs, dtype=torch.float64),
        )

    def flat(self) -> torch.Tensor:
        """All sums in one row, for one message between processes."""
        return torch.cat([self.total, self.count, self.overlap, self.extent])

    def from_flat(self, row: torch.Tensor) -> "LossSums":
        """Sums of the same shape from such a row."""
        sizes = [len(part) for part in (self.total, self.count, self.overlap, self.extent)]
        total, count, overlap, extent = torch.split(row, sizes)
        return LossSums(total=total, count=count, overlap=overlap, extent=extent)

    def __add__(self, other: "LossSums") -> "LossSums":
        return self.from_flat(self.flat() + other.flat())

    def double(self) -> "LossSums":
        """Float64 on the CPU: float32 cannot count the pixels of many scenes."""
        return self.from_flat(self.flat().detach().cpu().double())


class Loss:
    """The loss of a trial.

    `class_weights` has one weight per class, by chart; charts that are not in it give all classes the same weight.
    """

    def __init__(
        self, spec: LossSpec, heads: Sequence[Head], class_weights: Mapping[str, Sequence[float]] | None = None
    ) -> None:
        self._spec = spec
        self._heads = tuple(heads)
        self._class_weights = {
            name: torch.tensor(weights, dtype=torch.float32) for name, weights in (class_weights or {}).items()
        }

    def sums(self, outputs: torch.Tensor, y: torch.Tensor) -> LossSums:
        """Sums over one batch.

        Args:
            outputs: (B, K, H, W) or (B, K), any float type; taken in float32, since bfloat16 cannot count pixels.
            y: (B, T, H, W) or (B, T) uint8, 255 = no label.
        """
        outputs = outputs.float()
        found = []
        for place, head in enumerate(self._heads):
            own, truth = head.of(outputs), y[:, place]
            labelled = truth != IGNORE
            dice = self._dice_sums(head, own, truth, labelled)
            found.append((self._total(head, own, truth, labelled), labelled.sum().float(), *dice))
        totals, counts, overlaps, extents = zip(*found, strict=True)
        return LossSums(
            total=torch.stack(totals), count=torch.stack(counts), overlap=torch.cat(overlaps), extent=torch.cat(extents)
        )

    def value(self, sums: LossSums) -> torch.Tensor:
        """The loss: each target's mean over its labelled pixels, weighted and added; 0 where nothing is labelled."""
        loss = torch.zeros((), dtype=sums.total.dtype, device=sums.total.device)
        for place, head in enumerate(self._heads):
            own = sums.total[place] / sums.count[place].clamp(min=1)
            if self._spec.name == "dice" and not head.regression:
                part = slice(head.first, head.first + head.width)
                overlap, extent = sums.overlap[part], sums.extent[part]
                own = (own + (1 - (2 * overlap + _SMOOTH) / (extent + _SMOOTH)).mean()) / 2
            loss = loss + self._spec.task_weights.get(head.chart.name, 1.0) * own
        return loss

    def _total(self, head: Head, own: torch.Tensor, truth: torch.Tensor, labelled: torch.Tensor) -> torch.Tensor:
        if head.regression:
            squared = (own[:, 0] - truth.float()).square()
            return torch.where(labelled, squared, 0.0).sum()
        target = truth.long()
        if self._spec.name != "focal" and head.chart.name not in self._class_weights:
            return functional.cross_entropy(own, target, ignore_index=IGNORE, reduction="sum")
        each = functional.cross_entropy(own, target, ignore_index=IGNORE, reduction="none")
        if self._spec.name == "focal":
            # The floor keeps the gradient of a fractional power finite where a pixel is certain or unlabelled.
            each = (1 - torch.exp(-each)).clamp(min=1e-6) ** self._spec.focal_gamma * each
        if head.chart.name in self._class_weights:
            weights = sent(self._class_weights[head.chart.name], own.device)
            each = each * weights[torch.where(labelled, target, 0)]
        return torch.where(labelled, each, 0.0).sum()

    def _dice_sums(
        self, head: Head, own: torch.Tensor, truth: torch.Tensor, labelled: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if self._spec.name != "dice" or head.regression:
            nothing = own.new_zeros(head.width)
            return nothing, nothing
        target = functional.one_hot(torch.where(labelled, truth, 0).long(), head.width).movedim(-1, 1)
        known = labelled[:, None].float()
        probability, target = own.softmax(dim=1) * known, target * known
        over = [0, *range(2, own.ndim)]
        return (probability * target).sum(over), (probability + target).sum(over)
