#!/usr/bin/env python
"""How much do the settings of training matter, one at a time?

Learning rate, batch size, optimizer, schedule, loss, and the widths of the U-Net, each changed by itself from the
published values. `--search random` or `--search optuna` looks at combinations instead.

    python sweeps/model_parameters.py --lake LAKE --dry-run

Train on: all training scenes. Test on: all test scenes. (18 pixel-based + 16 patch-based points) x 3 seeds
= 102 trials.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from sweeps.design.axes import Axis
from sweeps.design.bases import arm
from sweeps.design.experiment import Experiment

FACTORS: dict[str, Axis] = {
    "optimizer.lr": (1e-5, 1e-4, 1e-3, 1e-2),
    "loop.batch_size": (8, 16, 32, 64),
    "optimizer.name": ("adam", "adamw", "sgd"),
    "optimizer.schedule": ("none", "cosine_warm_restarts", "cosine", "step", "plateau"),
    "loss": {
        "cross_entropy": {"loss.name": "cross_entropy"},
        "focal": {"loss.name": "focal"},
        "dice": {"loss.name": "dice"},
        "balanced": {"loss.name": "cross_entropy", "loss.class_weights": "balanced"},
    },
}
WIDTHS: dict[str, Axis] = {
    "widths": {
        "16-32-64-64": {"model.params": {"filters": [16, 32, 64, 64]}},
        "32-32-64-64": {"model.params": {"filters": [32, 32, 64, 64]}},
        "32-64-128-128": {"model.params": {"filters": [32, 64, 128, 128]}},
    },
}

EXPERIMENT = Experiment(
    name="model_parameters",
    question="How does the score change with each setting of training, all others as published?",
    arms={
        "pixel": arm("pixel", {**FACTORS, **WIDTHS}, crossed=False),
        "patch": arm("patch", FACTORS, crossed=False),
    },
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
