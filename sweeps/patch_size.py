#!/usr/bin/env python
"""How much of a scene must a network see at a time?

    python sweeps/patch_size.py --lake LAKE --dry-run

A patch of 768 pixels has 36 times the pixels of one of 128. So every size is trained twice: with equal pixels, where an
epoch of smaller patches has more steps, and with equal steps, where larger patches show more pixels. Windows of
patch-based training follow the patch (100 pixels for 224, as published, and so in proportion), so that every pixel is
in a window; maps step 8 km for every size. Each trains 60 epochs.

Pixel-based networks are scored on whole scenes. Patch-based ones are scored on pure patches of their own size, which
are other patches for every size, and as maps, where all sizes have the same truth.
Train on: all training scenes. Test on: all test scenes. 2 tasks x (4 sizes x 2 + the published size) x 5 seeds
= 90 trials.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from sweeps.design.axes import Axis, Changes, Together
from sweeps.design.bases import arm
from sweeps.design.experiment import Arm, Experiment
from sweeps.design.scene_sets import EQUAL_STEPS
from training.spec import Task

SIZES: dict[Task, tuple[int, ...]] = {"pixel": (128, 256, 384, 512, 768), "patch": (64, 112, 160, 224, 320)}
PUBLISHED: dict[Task, int] = {"pixel": 256, "patch": 224}
STRIDE = 100
"""Published, for patches of 224."""
BATCHES = 500
"""Of an epoch of the published size."""
SMALL = (16, 24)
MAPS: dict[Task, Changes] = {"pixel": {}, "patch": {"evaluation.map_stride_m": 8000.0}}
EQUAL_PIXELS, EQUAL_STEP = "equal pixels", "equal steps"
SEEN: Mapping[str, Axis] = {"seen": {EQUAL_PIXELS: {}, EQUAL_STEP: {}}}


def _rules(task: Task, sizes: Sequence[int], usual: int, batches: int) -> tuple[Together, ...]:
    """Batches of an epoch with equal pixels, strides in proportion; the usual size is one cell, not two."""
    found = [Together(labels={"data.patch_size": usual, "seen": EQUAL_STEP})]
    for size in sizes:
        pixels = {"loop.batches_per_epoch": max(round(batches * (usual / size) ** 2), 1)}
        found.append(Together(labels={"data.patch_size": size, "seen": EQUAL_PIXELS}, changes=pixels))
        if task == "patch":
            stride = {"data.stride": max(round(STRIDE * size / PUBLISHED[task]), 1)}
            found.append(Together(labels={"data.patch_size": size}, changes=stride))
    return tuple(found)


def _arm(task: Task) -> Arm:
    return arm(
        task,
        {"data.patch_size": SIZES[task], **SEEN},
        changes={**EQUAL_STEPS, **MAPS[task]},
        together=_rules(task, SIZES[task], PUBLISHED[task], BATCHES),
        smoke_axes={"data.patch_size": SMALL},
        smoke_together=_rules(task, SMALL, SMALL[0], 16),
    )


EXPERIMENT = Experiment(
    name="patch_size",
    question="How does the score change with the size of the patches, at equal pixels and at equal steps?",
    arms={task: _arm(task) for task in SIZES},
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
