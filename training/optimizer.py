"""Optimizer and learning-rate schedule of a spec."""

from collections.abc import Iterable

import torch
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts, LRScheduler

from training.spec import OptimizerSpec

SGD_MOMENTUM = 0.9
"""Momentum of the AutoICE winner's SGD (MMSeaIce, configs/sic_mse); part of the name "sgd" here."""


def build_optimizer(spec: OptimizerSpec, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
    """Adam (weight decay as L2 term), AdamW (decoupled) or SGD with momentum."""
    match spec.name:
        case "adam":
            return torch.optim.Adam(parameters, lr=spec.lr, weight_decay=spec.weight_decay)
        case "adamw":
            return torch.optim.AdamW(parameters, lr=spec.lr, weight_decay=spec.weight_decay)
        case "sgd":
            return torch.optim.SGD(parameters, lr=spec.lr, momentum=SGD_MOMENTUM, weight_decay=spec.weight_decay)


def build_schedule(spec: OptimizerSpec, optimizer: torch.optim.Optimizer, batches_per_epoch: int) -> LRScheduler | None:
    """Schedule to step once after every batch, or None for a constant rate.

    Warm restarts fall from `lr` to 0 along a half cosine over `restart_epochs` epochs, then start again.
    """
    if spec.schedule == "none":
        return None
    return CosineAnnealingWarmRestarts(optimizer, T_0=spec.restart_epochs * batches_per_epoch)
