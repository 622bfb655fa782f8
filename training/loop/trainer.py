"""Train, validate, stop early: the loop of one trial, without files, trackers or lakes.

Shapes: B batch, C channels, K outputs of all heads, T targets, H lines, W samples. Labels: class 0..n-1, 255 = no
label.
"""

import copy
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import nn

from datasets.loading.batch import Batch
from training.loop.epoch import EpochRow, TrainingProgress, ValScores
from training.loop.losses import Loss
from training.loop.optimizer import Schedule, build_optimizer, parameter_groups
from training.loop.precision import layout_of, mixed_precision, precision_of
from training.loop.processes import Processes
from training.loop.steps import Step, TrainedEpoch, check_finite
from training.models.encoder import check_encoder
from training.spec import LoopSpec, ModelSpec, OptimizerSpec

logger = logging.getLogger(__name__)


class TrainingData(Protocol):
    """Where batches come from."""

    def __len__(self) -> int:
        """Batches in an epoch."""

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of an epoch, this process's part of each."""

    def prepare(self, batch: Batch, epoch: int, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Input x (B, C, H, W) and label y of a batch on the device, augmented; depends only on these numbers."""


@dataclass
class FitState:
    """Everything that a training needs to go on after an epoch as if it had never stopped.

    Attributes:
        history: One row per finished epoch.
        best_epoch: Epoch with the best val score so far; -1 before the first.
        weights: Of the network after the last epoch.
        optimizer: State of the optimizer.
        schedule: State of the learning-rate schedule.
        scaler: State of the loss scaling of float16.
    """

    history: list[EpochRow] = field(default_factory=list)
    best_epoch: int = -1
    weights: dict[str, torch.Tensor] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    schedule: dict[str, Any] = field(default_factory=dict)
    scaler: dict[str, Any] = field(default_factory=dict)


class Trainer:
    """One network in training.

    All that is random in an epoch (dropout, augmentation) starts from (seed, epoch), so that an epoch does not depend
    on whether the ones before it ran in this process.
    The network is moved to the device. Where `network` freezes its encoder, the layers of that stay in eval mode: so
    statistics of batch norm stay too, and nothing in it is dropped out.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        *,
        loop: LoopSpec,
        optimizer: OptimizerSpec,
        batches_per_epoch: int,
        seed: int,
        device: torch.device,
        processes: Processes,
        network: ModelSpec | None = None,
    ) -> None:
        network = network or ModelSpec()
        self._layout = layout_of(device)
        self.model = model.to(device, memory_format=self._layout)  # type: ignore[call-overload]
        self._network = processes.wrap(self.model, device)
        if loop.compile:
            self._network = torch.compile(self._network)  # type: ignore[assignment]
        self._loss = loss
        self._loop = loop
        self._clip_norm = optimizer.clip_norm
        encoder = check_encoder(self.model, network, optimizer.encoder_lr_factor)
        self._still = () if encoder is None or network.freeze == "none" else encoder.modules
        self._optimizer = build_optimizer(optimizer, parameter_groups(optimizer, self.model, encoder))
        self._schedule = Schedule(optimizer, self._optimizer, batches_per_epoch, loop.max_epochs)
        self._precision = precision_of(loop, device)
        self._scaler = torch.amp.GradScaler(device.type, enabled=self._precision == torch.float16)
        self._seed = seed
        self._device = device
        self._processes = processes

    def fit(
        self,
        data: TrainingData,
        validate: Callable[[nn.Module], ValScores],
        *,
        state: FitState | None = None,
        keep: Callable[[FitState, bool], None] = lambda state, is_best: None,
        progress: Callable[[TrainingProgress], None] = lambda _: None,
    ) -> FitState:
        """Trains until `patience` epochs bring no better val score, or `max_epochs` are done.

        Goes on from the state of an earlier start. `validate` scores the plain network on the val scenes, once an
        epoch. After every epoch `keep` is called with all that is needed to go on and whether it is the best one so
        far; `progress` after every batch too.

        Raises:
            NonFiniteLossError: A loss is infinite or not a number.
        """
        state = self._restored(state or FitState())
        while len(state.history) < self._loop.max_epochs and not self._is_out_of_patience(state):
            epoch = len(state.history)
            torch.manual_seed(self._seed + (epoch + 1) * 2**32)
            row = self._epoch(data, validate, epoch, progress)
            is_best = state.best_epoch < 0 or self._is_better(row, state.history[state.best_epoch])
            state.history.append(row)
            state.best_epoch = epoch if is_best else state.best_epoch
            state.weights = copy_weights(self.model)
            state.optimizer = self._optimizer.state_dict()
            state.schedule = self._schedule.state_dict()
            state.scaler = self._scaler.state_dict()
            keep(state, is_best)
            progress(TrainingProgress(epoch=epoch, batch=len(data), batches=len(data), loss=row.train_loss, row=row))
        if self._is_out_of_patience(state):
            logger.info(
                "stopped after epoch %d: epoch %d was the best by val %s",
                len(state.history) - 1,
                state.best_epoch,
                self._loop.monitor,
            )
        return state

    def _restored(self, state: FitState) -> FitState:
        if state.history:
            self.model.load_state_dict(state.weights)
            self._optimizer.load_state_dict(state.optimizer)
            self._schedule.load_state_dict(state.schedule)
            self._scaler.load_state_dict(state.scaler)
        return state

    def _is_out_of_patience(self, state: FitState) -> bool:
        return bool(state.history) and len(state.history) - 1 - state.best_epoch >= self._loop.patience

    def _is_better(self, row: EpochRow, than: EpochRow) -> bool:
        match self._loop.monitor:
            case "loss":
                return row.val_loss < than.val_loss
            case "f1":
                return row.val_f1 > than.val_f1
            case "score":
                return row.val_score > than.val_score

    def _epoch(
        self,
        data: TrainingData,
        validate: Callable[[nn.Module], ValScores],
        epoch: int,
        progress: Callable[[TrainingProgress], None],
    ) -> EpochRow:
        lr = float(self._optimizer.param_groups[0]["lr"])
        trained = self.train_epoch(data, epoch, progress)
        rates = trained.rates()
        scores = validate(self.model)
        check_finite(scores.loss, f"val loss in epoch {epoch}")
        self._schedule.after_epoch(scores.loss)
        return EpochRow(
            epoch=epoch,
            lr=lr,
            train_loss=trained.loss,
            **{f"val_{name}": value for name, value in scores},
            **rates,
            bytes_per_patch=trained.nbytes / max(trained.patches, 1),
        )

    def train_epoch(
        self, data: TrainingData, epoch: int, progress: Callable[[TrainingProgress], None] = lambda _: None
    ) -> TrainedEpoch:
        """Takes one optimizer step per batch."""
        self._network.train()  # validation left the network in eval mode, where batch norm would stay frozen
        for module in self._still:
            module.training = False
        trained = TrainedEpoch(world=self._processes.world)
        # A GPU computes one step while the next one is launched: the loss of a step is looked at two steps later.
        behind = 0 if self._device.type == "cpu" else 2
        steps: deque[Step] = deque()
        asked = time.perf_counter()
        for number, batch in enumerate(data.epoch(epoch)):
            trained.waited += time.perf_counter() - asked
            x_BCHW, y = data.prepare(batch, epoch, number)
            steps.append(self._step(x_BCHW, y, epoch, number, batch))
            while len(steps) > behind:
                trained.add(steps.popleft())
            rates, loss = trained.rates(), trained.last_loss
            progress(TrainingProgress(epoch=epoch, batch=number + 1, batches=len(data), loss=loss, **rates))
            asked = time.perf_counter()
        for step in steps:
            trained.add(step)
        return trained

    def _step(self, x_BCHW: torch.Tensor, y: torch.Tensor, epoch: int, number: int, batch: Batch) -> Step:
        """One step of the optimizer on this process's part of a batch."""
        with mixed_precision(self._precision, self._device):
            outputs = self._network(x_BCHW.contiguous(memory_format=self._layout))
        sums = self._loss.sums(outputs, y)
        sums = sums.from_flat(self._processes.sum(sums.flat()))
        loss = self._loss.value(sums)
        step = Step.of(epoch, number, batch, loss, sums.count.sum())
        if self._device.type == "cpu":
            step.checked()  # before the weights change; on a GPU this check would wait at every step
        self._optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        if self._clip_norm is not None:
            self._scaler.unscale_(self._optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self._clip_norm)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._schedule.after_batch()
        return step


def copy_weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """Weights as they are now, on the CPU, untouched by later steps."""
    return {name: copy.deepcopy(value.detach().cpu()) for name, value in model.state_dict().items()}
