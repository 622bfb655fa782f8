#!/usr/bin/env python
"""How much do the settings of training matter, one at a time?

Optimizer with its rate, batch size, schedule, loss, and the widths of the U-Net, each changed by itself from the
published values (the cell `base`: Adam, 1e-4, batches of 16, warm restarts every 20 epochs, cross-entropy). Each
optimizer has rates of its own, since a good rate of Adam is none of SGD. Batches of every size show the same number of
patches. All train 60 epochs, and schedules `over the trial` reach their end in the last of them. `--search random` or
`--search optuna` looks at combinations instead.

    python sweeps/model_parameters.py --lake LAKE --dry-run

Train on: all training scenes. Test on: all test scenes. (24 pixel-based + 22 patch-based points) x 5 seeds
= 230 trials.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from sweeps.design.axes import Axis, Changes
from sweeps.design.bases import SMALL_LOOP, arm
from sweeps.design.experiment import Experiment
from training.spec import Task

FIXED_LENGTH: Changes = {"loop.max_epochs": 60, "loop.patience": 60}
BATCH_SIZES = (8, 16, 32, 64)
STEP_EPOCHS: dict[Task, int] = {"pixel": 30, "patch": 10}
"""Published."""

OPTIMIZERS: Axis = {
    **{f"adam {lr:g}": {"optimizer.lr": lr} for lr in (1e-5, 1e-3, 1e-2)},
    # Without weight decay AdamW is Adam.
    **{
        f"adamw {lr:g}": {"optimizer.name": "adamw", "optimizer.lr": lr, "optimizer.weight_decay": 0.01}
        for lr in (1e-4, 1e-3, 1e-2)
    },
    **{f"sgd {lr:g}": {"optimizer.name": "sgd", "optimizer.lr": lr} for lr in (1e-3, 1e-2, 1e-1)},
}
LOSSES: Axis = {
    "cross_entropy": {"loss.name": "cross_entropy"},
    "focal": {"loss.name": "focal"},
    "dice": {"loss.name": "dice"},
    "balanced": {"loss.name": "cross_entropy", "loss.class_weights": "balanced"},
}
WIDTHS: Axis = {
    "16-32-64-64": {"model.params": {"filters": [16, 32, 64, 64]}},
    "32-32-64-64": {"model.params": {"filters": [32, 32, 64, 64]}},
    "32-64-128-128": {"model.params": {"filters": [32, 64, 128, 128]}},
}


def _schedules(task: Task) -> Axis:
    epochs = STEP_EPOCHS[task]
    over_trial = {"optimizer.length": "trial"}
    return {
        "none": {"optimizer.schedule": "none"},
        "cosine over the trial": {"optimizer.schedule": "cosine", **over_trial},
        f"step {epochs} (published)": {"optimizer.schedule": "step", "optimizer.step_epochs": epochs},
        "steps over the trial": {"optimizer.schedule": "step", **over_trial},
        "plateau (published)": {"optimizer.schedule": "plateau"},
        "val loss (published)": {"optimizer.schedule": "as_published"},
    }


def _batches(patches: int) -> Axis:
    """Batch sizes with the same number of patches in an epoch."""
    return {
        str(size): {"loop.batch_size": size, "loop.batches_per_epoch": max(patches // size, 1)} for size in BATCH_SIZES
    }


def _factors(task: Task) -> dict[str, Axis]:
    """Patch-based epochs have all patches once, whatever the size of the batch."""
    return {
        "optimizer": OPTIMIZERS,
        "loop.batch_size": _batches(16 * 500) if task == "pixel" else BATCH_SIZES,
        "schedule": _schedules(task),
        "loss": LOSSES,
        **({"widths": WIDTHS} if task == "pixel" else {}),
    }


SMALL: dict[str, Axis] = {
    "loop.batch_size": _batches(SMALL_LOOP["loop.batch_size"] * SMALL_LOOP["loop.batches_per_epoch"])
}
TASKS: tuple[Task, ...] = ("pixel", "patch")

EXPERIMENT = Experiment(
    name="model_parameters",
    question="How does the score change with each setting of training, all others as published?",
    arms={task: arm(task, _factors(task), crossed=False, changes=FIXED_LENGTH, smoke_axes=SMALL) for task in TASKS},
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
