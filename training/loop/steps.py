"""Steps of the optimizer, and their sums over an epoch."""

import time
from dataclasses import dataclass, field
from typing import Any

import torch

from datasets.errors import IceBenchError
from datasets.loading.batch import Batch


class NonFiniteLossError(IceBenchError, ArithmeticError):
    """The loss became infinite or not a number; training stops."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step whose loss the device may still be computing; loss and labels are of the whole batch."""

    epoch: int
    number: int
    batch: Batch
    loss: torch.Tensor
    labelled: torch.Tensor

    def checked_loss(self) -> float:
        """The loss; raises NonFiniteLossError with the batch's scenes."""
        value = self.loss.item()
        scenes = ", ".join(sorted({window.scene_id for window in self.batch.windows}))
        check_finite(value, f"train loss in epoch {self.epoch}, batch {self.number} (scenes {scenes})")
        return value


@dataclass
class TrainedEpoch:
    """Sums over the batches of one epoch.

    Attributes:
        world: Processes of the trial; patches and bytes are of all of them.
        nbytes: Bytes that travelled to devices.
        waited: Seconds in which this process waited for a batch.
        last_loss: Of the newest batch that is known.
    """

    world: int
    started: float = field(default_factory=time.perf_counter)
    patches: int = 0
    nbytes: int = 0
    waited: float = 0.0
    last_loss: float = float("nan")
    _loss_sum: float = 0.0
    _labelled: float = 0.0

    def add(self, step: Step) -> None:
        """Counts one step; raises NonFiniteLossError."""
        self.last_loss = step.checked_loss()
        self.patches += len(step.batch.windows) * self.world
        self.nbytes += step.batch.nbytes * self.world
        labelled = step.labelled.item()
        self._loss_sum += self.last_loss * labelled
        self._labelled += labelled

    def rates(self) -> dict[str, Any]:
        """`patches_per_second`, and `data_wait_share` of the time since the start."""
        seconds = max(time.perf_counter() - self.started, 1e-9)
        return {"patches_per_second": self.patches / seconds, "data_wait_share": self.waited / seconds}

    @property
    def loss(self) -> float:
        """Mean over labelled pixels (or patches), each at the weights of its moment; 0 if nothing had a label."""
        return self._loss_sum / max(self._labelled, 1.0)


def check_finite(value: float, where: str) -> None:
    """Raises NonFiniteLossError for an infinite loss or one that is no number."""
    if not (abs(value) < float("inf")):
        raise NonFiniteLossError(
            f"the {where} is {value}: lower optimizer.lr, set optimizer.clip_norm, or look for extreme values in the "
            "inputs of these scenes"
        )
