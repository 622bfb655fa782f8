"""Train, validate, stop early: the loop of one trial, without files, trackers or lakes.

Shapes: B batch, C channels, K classes, H lines, W samples. Labels: class 0..K-1, 255 = no label.
"""

import copy
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

from datasets.errors import IceBenchError, SplitError
from datasets.loaders import SceneTensors
from training.confusion import ConfusionMatrix
from training.losses import cross_entropy_sum, mean_loss
from training.optimizer import build_optimizer, build_schedule
from training.predict import logits_of
from training.spec import LoopSpec, OptimizerSpec

Batches = Iterable[tuple[torch.Tensor, torch.Tensor]]
"""Pairs of x (B, C, H, W) float32 and y (B, H, W) int64."""

logger = logging.getLogger(__name__)


class NonFiniteLossError(IceBenchError, ArithmeticError):
    """The loss became infinite or not a number; the weights of that batch were not applied."""


@dataclass(frozen=True, kw_only=True)
class EpochRow:
    """What one epoch gave.

    Attributes:
        epoch: From 0.
        lr: Learning rate of the epoch's first batch.
        train_loss: Cross-entropy per labelled pixel over the epoch's batches, each at the weights of its moment.
        val_loss: Cross-entropy per labelled pixel over all val scenes; chooses the best epoch.
        val_f1: Weighted F1 over all val scenes together.
        val_f1_macro: Macro F1 likewise.
        val_accuracy: Share of labelled pixels with the right class likewise.
        patches_per_second: Patches trained on per second, waiting for data included, validation not.
    """

    epoch: int
    lr: float
    train_loss: float
    val_loss: float
    val_f1: float
    val_f1_macro: float
    val_accuracy: float
    patches_per_second: float

    def metrics(self) -> dict[str, float]:
        """The row by the names of the tracker."""
        return {
            "lr": self.lr,
            "train/loss": self.train_loss,
            "train/patches_per_second": self.patches_per_second,
            "val/loss": self.val_loss,
            "val/f1": self.val_f1,
            "val/f1_macro": self.val_f1_macro,
            "val/accuracy": self.val_accuracy,
        }


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where training stands: sent after every batch (`row` is None) and once after every epoch (`row` is set).

    Attributes:
        epoch: From 0.
        batch: Batches done in this epoch.
        loss: Loss of the batch; of the epoch where `row` is set.
        row: The finished epoch.
    """

    epoch: int
    batch: int
    loss: float
    row: EpochRow | None = None


@dataclass(frozen=True, kw_only=True)
class FitResult:
    """A finished training: one row an epoch, and the weights of the epoch with the smallest val loss."""

    history: tuple[EpochRow, ...]
    best_epoch: int
    best_state: dict[str, torch.Tensor]


def fit(
    model: nn.Module,
    batches: Callable[[int], Batches],
    val_scenes: Callable[[], Iterable[SceneTensors]],
    *,
    n_classes: int,
    loop: LoopSpec,
    optimizer_spec: OptimizerSpec,
    device: torch.device,
    log: Callable[[EpochRow], None] = lambda _: None,
    keep: Callable[[int, dict[str, torch.Tensor]], None] = lambda epoch, state: None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> FitResult:
    """Trains until `patience` epochs bring no smaller val loss, or `max_epochs` are done.

    Args:
        model: Moved to `device`; holds the weights of the last epoch afterwards.
        batches: Gives the batches of an epoch number.
        val_scenes: Gives the val scenes, whole; asked once an epoch.
        n_classes: Number of classes K.
        loop: Length of training.
        optimizer_spec: Optimizer and schedule.
        device: Where to compute.
        log: Called once after every epoch.
        keep: Called with epoch and weights whenever the val loss is the smallest so far.
        progress: Called after every batch and every epoch.

    Raises:
        NonFiniteLossError: A loss is infinite or not a number.
        SplitError: No val scene has a labelled pixel.
    """
    model.to(device)
    optimizer = build_optimizer(optimizer_spec, model.parameters())
    schedule = build_schedule(optimizer_spec, optimizer, loop.batches_per_epoch or 1)
    history: list[EpochRow] = []
    best_epoch, best_loss, best_state = -1, float("inf"), dict[str, torch.Tensor]()

    for epoch in range(loop.max_epochs):
        lr = float(optimizer.param_groups[0]["lr"])
        started = time.perf_counter()

        train_loss, patches = train_epoch(
            model, batches(epoch), optimizer, schedule, epoch=epoch, device=device, progress=progress
        )
        seconds = time.perf_counter() - started
        val_loss, matrix = validate(model, val_scenes(), n_classes=n_classes, epoch=epoch, device=device)
        scores = matrix.metrics()
        row = EpochRow(
            epoch=epoch,
            lr=lr,
            train_loss=train_loss,
            val_loss=val_loss,
            val_f1=scores.f1,
            val_f1_macro=scores.f1_macro,
            val_accuracy=scores.accuracy,
            patches_per_second=patches / seconds,
        )
        history.append(row)
        if val_loss < best_loss:
            best_epoch, best_loss, best_state = epoch, val_loss, _copy_state(model)
            keep(best_epoch, best_state)
        log(row)
        progress(Progress(epoch=epoch, batch=loop.batches_per_epoch or 1, loss=train_loss, row=row))
        if epoch - best_epoch >= loop.patience:
            logger.info("stopped after epoch %d: val loss was smallest in epoch %d", epoch, best_epoch)
            break

    return FitResult(history=tuple(history), best_epoch=best_epoch, best_state=best_state)


def train_epoch(
    model: nn.Module,
    batches: Batches,
    optimizer: torch.optim.Optimizer,
    schedule: LRScheduler | None,
    *,
    epoch: int,
    device: torch.device,
    progress: Callable[[Progress], None] = lambda _: None,
) -> tuple[float, int]:
    """Takes one optimizer step a batch.

    Returns:
        Loss per labelled pixel over all batches (0 if no pixel had a label), and the number of patches.
    """
    model.train()  # validation left the network in eval mode, where batch norm would stay frozen
    loss_sum, pixels, patches = 0.0, 0, 0
    for number, (x_cpu, y_cpu) in enumerate(batches):
        x_BCHW, y_BHW = x_cpu.to(device, non_blocking=True), y_cpu.to(device, non_blocking=True)
        with mixed_precision(device):
            logits_BKHW = model(x_BCHW)
        total, n_valid = cross_entropy_sum(logits_BKHW, y_BHW)
        loss = mean_loss(total, n_valid)
        value = loss.item()
        _check_finite(value, f"train loss in epoch {epoch}, batch {number}")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if schedule is not None:
            schedule.step()
        valid = int(n_valid)
        loss_sum, pixels, patches = loss_sum + value * valid, pixels + valid, patches + len(x_BCHW)
        progress(Progress(epoch=epoch, batch=number + 1, loss=value))
    return loss_sum / max(pixels, 1), patches


def validate(
    model: nn.Module, scenes: Iterable[SceneTensors], *, n_classes: int, epoch: int, device: torch.device
) -> tuple[float, ConfusionMatrix]:
    """Loss per labelled pixel over all scenes together, and their summed confusion matrix.

    Raises:
        NonFiniteLossError: The loss of a scene is infinite or not a number.
        SplitError: No scene has a labelled pixel.
    """
    loss_sum, matrix = 0.0, ConfusionMatrix.zero(n_classes)
    for scene in scenes:
        logits_KHW = logits_of(model, scene.x, device=device)
        y_HW = torch.from_numpy(scene.y).to(device, torch.int64)
        total, _ = cross_entropy_sum(logits_KHW[None], y_HW[None])
        value = total.item()
        _check_finite(value, f"val loss in epoch {epoch}, scene {scene.scene_id}")
        loss_sum += value
        predicted = logits_KHW.argmax(dim=0).to(torch.uint8).cpu().numpy()
        matrix += ConfusionMatrix.from_arrays(scene.y, predicted, n_classes)
    if matrix.n == 0:
        raise SplitError(
            "no val scene has a labelled pixel, so there is no val loss to stop by: choose other val scenes"
        )
    return loss_sum / matrix.n, matrix


def mixed_precision(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 autocast on GPUs that have it (no loss scaling needed: its range is that of float32), else nothing."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


def _check_finite(value: float, where: str) -> None:
    if not (abs(value) < float("inf")):
        raise NonFiniteLossError(
            f"the {where} is {value}: lower optimizer.lr, or look for extreme values in the inputs"
        )


def _copy_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """Weights as they are now, on the CPU, untouched by later steps."""
    return {name: copy.deepcopy(value.detach().cpu()) for name, value in model.state_dict().items()}
