#!/usr/bin/env python
"""Which channels does a network rely on, for which class, and is that more than chance?

Explains networks that `base_model` has trained, with five methods. A trial explains every class and every channel at
once, since all classes share the passes through the network: classes are rows of its result, not trials of their own.
Nothing is trained: a network without a finished training is named and left out, and so is one that a method cannot
handle (DeepLIFT has no rule for the last step of DenseNet). See docs/feature_importance.md.

    python sweeps/base_model.py --lake LAKE --only model=unet,deeplabv3,densenet121,resnet50
    python sweeps/feature_importance.py --lake LAKE

Train on: all training scenes, by `base_model`. Test on: all test scenes, every labelled pixel of the sea or every pure
patch. 2 tasks x 2 networks x 5 methods x 5 seeds = 100 trials.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from dataclasses import replace

from sweeps.base_model import EXPERIMENT as TRAINED
from sweeps.design.axes import Axis, Changes
from sweeps.design.experiment import Arm, Experiment
from training.attribution.settings import METHODS
from training.spec import Task

NETWORKS: dict[Task, tuple[str, ...]] = {"pixel": ("unet", "deeplabv3"), "patch": ("densenet121", "resnet50")}
"""The best published networks of each task."""

SMALL: Changes = {
    "attribution.patches_per_scene": 2,
    "attribution.baselines": 2,
    "attribution.steps": 4,
    "attribution.samples": 2,
}


def _methods(changes: Changes) -> Axis:
    return {method: {"attribution.method": method, **changes} for method in METHODS}


def _explained(task: Task, axes: dict[str, Axis]) -> dict[str, Axis]:
    """The axes of trainings for these networks only."""
    models = axes["model"]
    assert isinstance(models, dict)
    return {**axes, "model": {name: models[name] for name in NETWORKS[task]}}


def _arm(task: Task) -> Arm:
    """The trainings of `base_model`, each explained by every method."""
    trained = TRAINED.arms[task]
    return replace(
        trained,
        axes={**_explained(task, dict(trained.axes)), "method": _methods({})},
        smoke_axes={**_explained(task, dict(trained.smoke_axes)), "method": _methods(SMALL)},
    )


EXPERIMENT = Experiment(
    name="feature_importance",
    question="Which channels does a network decide by, for which class, and is that more than chance?",
    arms={task: _arm(task) for task in NETWORKS},
    trained_by="python sweeps/base_model.py --only model={model} --only seed={seed}",
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
