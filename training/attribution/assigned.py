"""What a network says of patches on their clean input, and what of it is explained: held fixed while inputs change.

Pixel-based: of class k the sum of its logit over the valid pixels that the network assigned to it. Patch-based: the
logit of the class that the network assigned to the patch. Land, pixels without a label and padding are not valid: they
are no part of what is explained, and a baseline has there what the input has, so they get no attribution either.

Shapes: B patches, C channels, P side, K classes, T turns, F features.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from training.attribution.features import Features
from training.evaluation.predict import outputs_of
from training.models.heads import Head

NONE = -1
"""Class of what is not explained."""


@dataclass(frozen=True, kw_only=True)
class ExplainedNetwork:
    """A network in eval mode with frozen weights, the chart that is explained, and what gets importance.

    `bank` are the baselines that inputs are compared with, (N, C, P, P) on its device; the name is for errors.
    """

    model: nn.Module
    head: Head
    features: Features
    bank: torch.Tensor
    name: str

    def logits(self, x_BCPP: torch.Tensor) -> torch.Tensor:
        """Logits (B, K, P, P) or (B, K) float32 of the chart."""
        return self.head.of(outputs_of(self.model, x_BCPP))


@dataclass(frozen=True, kw_only=True)
class AssignedPatches:
    """Patches to explain, on the network's device.

    Attributes:
        x: (B, C, P, P) float32 input of the network.
        valid: (B, P, P) bool, False where a baseline has what the input has.
        assigned: (B, P, P) int64, or (B,) of a patch-based network: class on the clean input, -1 = not explained.
        logits: (B, K, P, P) or (B, K) float32, on the clean input.
        draws: One seed per patch: whatever is random for a patch follows from it.
    """

    x: torch.Tensor
    valid: torch.Tensor
    assigned: torch.Tensor
    logits: torch.Tensor
    draws: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.x)

    def part(self, rows: slice) -> "AssignedPatches":
        """Some of the patches."""
        return AssignedPatches(**{name: values[rows] for name, values in vars(self).items()})

    def against(self, baseline_BCPP: torch.Tensor) -> torch.Tensor:
        """The baseline (B, C, P, P), with the input itself where that is not valid."""
        return torch.where(self.valid[:, None], baseline_BCPP, self.x)

    @property
    def n_classes(self) -> int:
        """K."""
        return self.logits.shape[1]

    @property
    def counts(self) -> torch.Tensor:
        """(B, K) int64: explained pixels (or 1 for the patch) of each class."""
        flat = self.assigned.reshape(len(self), -1)
        counts = flat.new_zeros(len(self), self.n_classes + 1)
        counts.scatter_add_(1, flat + 1, torch.ones_like(flat))
        return counts[:, 1:]

    def scores(self, logits: torch.Tensor) -> torch.Tensor:
        """(B, K) float64 sums of the logits of the explained pixels of each class, from logits of these patches."""
        return self.by_class(self.of_assigned(logits))

    def of_assigned(self, logits: torch.Tensor) -> torch.Tensor:
        """(B, P, P) or (B,): of logits of these patches, those of the assigned classes."""
        return logits.gather(1, self.assigned.clamp(min=0)[:, None])[:, 0]

    def by_class(self, values: torch.Tensor) -> torch.Tensor:
        """(B, K) float64 sums of values (B, P, P) or (B,) over the explained pixels of each class."""
        flat = self.assigned.reshape(len(self), -1)
        sums = torch.zeros(len(self), self.n_classes + 1, dtype=torch.float64, device=values.device)
        sums.scatter_add_(1, flat + 1, values.reshape(len(self), -1).double())
        return sums[:, 1:]


def assign(logits: torch.Tensor, head: Head, wanted: torch.Tensor, classes: tuple[int, ...]) -> torch.Tensor:
    """Classes of the clean input, int64, -1 where nothing is wanted or the class was not asked for.

    `logits` (B, K, P, P) or (B, K) are of the head alone, `wanted` is (B, P, P) or (B,) bool.
    """
    assigned = logits.argmax(dim=1)
    asked = torch.zeros(head.width, dtype=torch.bool, device=logits.device)
    asked[list(classes)] = True
    return torch.where(wanted & asked[assigned], assigned, NONE)


def turns(counts_BK: torch.Tensor) -> torch.Tensor:
    """(T, B) int64: the classes of every patch one after the other, -1 where a patch has no more.

    Patches do not see each other, so one backward pass can explain another class in each of them: T is the largest
    number of classes in a patch, and not the number of all.
    """
    present_BK = counts_BK > 0
    order_BK = (~present_BK).to(torch.int8).argsort(dim=1, stable=True)
    count_B = present_BK.sum(dim=1)
    longest = int(count_B.max()) if len(count_B) else 0
    places = torch.arange(longest, device=counts_BK.device)[:, None]
    return torch.where(places < count_B, order_BK[:, :longest].T, NONE)


class ClassGradients:
    """Gradients of what is explained, of a network with frozen weights: a forward pass, a backward pass per turn."""

    def __init__(self, model: nn.Module, head: Head, patches: AssignedPatches) -> None:
        self._model, self._head = model, head
        self.turns = turns(patches.counts)
        # Where a patch shows the class of its turn, (T, B, P, P) or (T, B) bool.
        own = self.turns.reshape(*self.turns.shape, *[1] * (patches.assigned.ndim - 1))
        self._where = (patches.assigned == own) & (own >= 0)

    def at(self, x_BCPP: torch.Tensor) -> Iterator[torch.Tensor]:
        """Gradients (B, C, P, P) with respect to other inputs of the same patches, turn after turn."""
        with torch.enable_grad():
            x = x_BCPP.detach().requires_grad_()
            outputs = self._model(x)
        for place, (turn_B, where) in enumerate(zip(self.turns, self._where, strict=True), start=1):
            seed = torch.zeros_like(outputs)
            index = (self._head.first + turn_B.clamp(min=0)).reshape(-1, *[1] * (outputs.ndim - 1))
            seed.scatter_(1, index.expand(-1, 1, *outputs.shape[2:]), where[:, None].to(seed.dtype))
            yield torch.autograd.grad(outputs, x, grad_outputs=seed, retain_graph=place < len(self.turns))[0]


@dataclass(frozen=True, kw_only=True)
class PatchAttributions:
    """What a method found for patches, on the CPU.

    Attributes:
        signed: (B, K, F) float64, 0 for a class that a patch does not have.
        absolute: (B, K, F) float64 likewise.
        counts: (B, K) int64 explained pixels.
        change: (B, K) float64 output at the input minus at the baseline; None for a method without completeness.
    """

    signed: NDArray[np.float64]
    absolute: NDArray[np.float64]
    counts: NDArray[np.int64]
    change: NDArray[np.float64] | None


def from_pixels(
    patches: AssignedPatches,
    turns_TB: torch.Tensor,
    attributions_TBCPP: torch.Tensor,
    features: Features,
    baseline_scores_BK: torch.Tensor,
) -> PatchAttributions:
    """Adds up attributions of every input value to the class of its turn; the scores are those at the baseline."""
    counts = patches.counts
    shape = (len(patches), patches.n_classes, attributions_TBCPP.shape[2])
    signed, absolute = torch.zeros(2, *shape, dtype=torch.float64)
    for turn_B, own in zip(turns_TB.cpu(), attributions_TBCPP, strict=True):
        rows = torch.nonzero(turn_B >= 0)[:, 0]
        signed[rows, turn_B[rows]] = own.sum(dim=(2, 3), dtype=torch.float64).cpu()[rows]
        absolute[rows, turn_B[rows]] = own.abs_().sum(dim=(2, 3), dtype=torch.float64).cpu()[rows]
    change = torch.where(counts > 0, patches.scores(patches.logits) - baseline_scores_BK, 0.0)
    return PatchAttributions(
        signed=signed.numpy() @ features.sums_over_channels(),
        absolute=absolute.numpy() @ features.sums_over_channels(),
        counts=counts.cpu().numpy(),
        change=change.cpu().numpy(),
    )
