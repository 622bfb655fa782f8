#!/usr/bin/env python
"""How much of a scene must a network see at a time?

    python sweeps/patch_size.py --lake LAKE --dry-run

Pixel-based networks train on crops of this size and are scored on whole scenes. Patch-based ones are scored on pure
patches of their own size, which are other patches for every size, and as maps, where all sizes have the same truth.
Train on: all training scenes. Test on: all test scenes. 2 tasks x 5 sizes x 3 seeds = 30 trials.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from dataclasses import replace

from sweeps.design.axes import Axis
from sweeps.design.bases import arm
from sweeps.design.experiment import Experiment
from training.spec import Task

SIZES: dict[Task, Axis] = {"pixel": (128, 256, 384, 512, 768), "patch": (64, 112, 160, 224, 320)}
SMALL: dict[str, Axis] = {"data.patch_size": (16, 24)}

EXPERIMENT = Experiment(
    name="patch_size",
    question="How does the score change with the size of the patches?",
    arms={task: replace(arm(task, {"data.patch_size": sizes}), smoke_axes=SMALL) for task, sizes in SIZES.items()},
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
