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
    """One step whose loss the device may still be computing; loss and labels are of the whole batch.

    Attributes:
        told: (2,) float32 on the CPU: the loss, and labelled pixels (or patches).
        ready: When both are there; None where they are already.
    """

    epoch: int
    number: int
    batch: Batch
    told: torch.Tensor
    ready: torch.cuda.Event | None

    @classmethod
    def of(cls, epoch: int, number: int, batch: Batch, loss: torch.Tensor, labelled: torch.Tensor) -> "Step":
        """The step of these two numbers on the device; does not wait for them.

        To read a number of a GPU is to wait for all that the GPU was given, the steps after this one included. So both
        are sent here at once, into memory that is page-locked (torch takes such memory by itself), and are read when
        they have arrived.
        """
        told, ready = torch.stack([loss.detach(), labelled.detach()]), None
        if told.is_cuda:
            stream = torch.cuda.current_stream(told.device)  # the device need not be the current one of this thread
            told, ready = told.to("cpu", non_blocking=True), torch.cuda.Event()  # type: ignore[no-untyped-call]
            ready.record(stream)
        return cls(epoch=epoch, number=number, batch=batch, told=told, ready=ready)

    def checked(self) -> tuple[float, float]:
        """Loss and labelled pixels, waited for; raises NonFiniteLossError with the batch's scenes."""
        if self.ready is not None:
            self.ready.synchronize()
        value, labelled = self.told.tolist()
        scenes = ", ".join(sorted({window.scene_id for window in self.batch.windows}))
        check_finite(value, f"train loss in epoch {self.epoch}, batch {self.number} (scenes {scenes})")
        return value, labelled


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
        self.last_loss, labelled = step.checked()
        self.patches += len(step.batch.windows) * self.world
        self.nbytes += step.batch.nbytes * self.world
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
