"""Optimizer and learning-rate schedule of a spec."""

import math
import warnings
from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

import torch
from torch.optim.lr_scheduler import (
    CosineAnnealingWarmRestarts,
    LambdaLR,
    LRScheduler,
    ReduceLROnPlateau,
    StepLR,
)

from training.models.encoder import Encoder
from training.spec import OptimizerSpec


def parameter_groups(
    spec: OptimizerSpec, model: torch.nn.Module, encoder: Encoder | None
) -> list[torch.nn.Parameter] | list[dict[str, Any]]:
    """The weights that are trained, those of an encoder with a rate of its own as the last group; no frozen ones."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if encoder is None or spec.encoder_lr_factor == 1.0:
        return trained
    inside = {id(parameter) for parameter in encoder.parameters}
    rest: dict[str, Any] = {"params": [parameter for parameter in trained if id(parameter) not in inside]}
    own = [parameter for parameter in trained if id(parameter) in inside]
    return [rest, {"params": own, "lr": spec.lr * spec.encoder_lr_factor}]


def build_optimizer(
    spec: OptimizerSpec, parameters: Iterable[torch.nn.Parameter] | Iterable[dict[str, Any]]
) -> torch.optim.Optimizer:
    """Adam (weight decay as L2 term), AdamW (decoupled) or SGD with momentum."""
    match spec.name:
        case "adam":
            return torch.optim.Adam(parameters, lr=spec.lr, weight_decay=spec.weight_decay)
        case "adamw":
            return torch.optim.AdamW(parameters, lr=spec.lr, weight_decay=spec.weight_decay)
        case "sgd":
            return torch.optim.SGD(parameters, lr=spec.lr, momentum=spec.momentum, weight_decay=spec.weight_decay)


class Schedule:
    """Learning rate by batch, and for `plateau` and `as_published` by val loss; its state is part of a checkpoint.

    The published code gives every schedule the val loss as its epoch number, so that its rates hardly move;
    `as_published` does so too.
    """

    def __init__(
        self, spec: OptimizerSpec, optimizer: torch.optim.Optimizer, batches_per_epoch: int, max_epochs: int
    ) -> None:
        self._schedule: LRScheduler | ReduceLROnPlateau | None = None
        self._begun = False
        self._follows_loss = spec.schedule in ("plateau", "as_published")
        third = -(-max_epochs // 3)
        of_trial = spec.length == "trial"
        once = (max_epochs if of_trial else spec.restart_epochs) * batches_per_epoch
        cycle = (third if of_trial else spec.restart_epochs) * batches_per_epoch
        match spec.schedule:
            case "none":
                pass
            case "cosine_warm_restarts":
                self._schedule = CosineAnnealingWarmRestarts(optimizer, T_0=cycle)
            case "cosine":
                self._schedule = LambdaLR(optimizer, lambda step: (1 + math.cos(math.pi * min(step / once, 1))) / 2)
            case "step":
                steps = (third if of_trial else spec.step_epochs) * batches_per_epoch
                self._schedule = StepLR(optimizer, steps, gamma=spec.factor)
            case "plateau":
                self._schedule = ReduceLROnPlateau(optimizer, factor=spec.factor, patience=spec.plateau_epochs)
            case "as_published":
                self._schedule = CosineAnnealingWarmRestarts(optimizer, T_0=spec.restart_epochs)

    def after_batch(self) -> None:
        """One batch was trained on."""
        if self._schedule is not None and not self._follows_loss:
            with nullcontext() if self._begun else warnings.catch_warnings():
                if not self._begun:
                    # float16 leaves out its first steps while it looks for a scale, and torch then thinks that the two
                    # were called in the wrong order.
                    warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step", UserWarning)
                self._schedule.step()
            self._begun = True

    def after_epoch(self, val_loss: float) -> None:
        """One epoch ended with this val loss."""
        if self._schedule is not None and self._follows_loss:
            self._schedule.step(val_loss)  # type: ignore[arg-type]

    def state_dict(self) -> dict[str, object]:
        """Plain values; `load_state_dict` goes on from them."""
        return {} if self._schedule is None else {**self._schedule.state_dict()}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Goes on from what `state_dict` gave."""
        if self._schedule is not None:
            self._schedule.load_state_dict(state)
