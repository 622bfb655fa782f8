#!/usr/bin/env python
"""What does a network lose with a coarser grid, and what does it gain?

With equal pixels a network sees 256 x 256 of them (224 x 224 for patches) at every ratio, so 20 km at 80 m and 102 km
at 400 m: more context, less detail. With equal ground it sees 51 km (45 km) at every ratio: less detail only. Windows
of patch-based training, and those of its maps, are 8 km apart at every ratio; `as published` steps 100 pixels, so 8,
20 and 40 km. Trials are scored on their own grid, comparable with the published study, and on the 80 m grid, where
every ratio has the same truth.

    python sweeps/downscale.py --lake LAKE --dry-run
    python sweeps/downscale.py --lake LAKE --only data.ratio=1

Train on: all training scenes. Test on: all test scenes. (5 pixel-based + 8 patch-based cells) x
5 seeds = 65 trials. Full resolution (ratio 1) runs only where it is asked for, on a lake that has it.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from sweeps.design.axes import Axis, Changes, Together
from sweeps.design.bases import arm
from sweeps.design.experiment import Arm, Experiment
from training.spec import Task

RATIOS = (2, 5, 10)
FULL = {1: "four times the pixels of 80 m to read, keep and score, and four times the time of every map"}
PIXELS, GROUND, PUBLISHED = "equal pixels", "equal ground", "as published"
SAME_STEP: Changes = {"data.stride_m": 8000.0, "evaluation.map_stride_m": 8000.0}
"""100 pixels of 80 m: no pixel is outside of all windows, and maps have the same detail at every ratio."""

EXTENTS: dict[str, Axis] = {"patch": {PIXELS: {}, GROUND: {}}}
STEPS: dict[str, Axis] = {"patch": {PIXELS: SAME_STEP, GROUND: SAME_STEP, PUBLISHED: {}}}


def _arm(task: Task, patches: dict[str, Axis], pixels: int, twin: int = 5) -> Arm:
    """As much ground at every ratio as a patch of so many pixels has at the ratio `twin`, where both are one cell."""
    ground = [
        Together(labels={"data.ratio": ratio, "patch": GROUND}, changes={"data.patch_size": pixels * twin // ratio})
        for ratio in (*FULL, *RATIOS)
        if ratio != twin
    ]
    return arm(
        task,
        {"data.ratio": (*FULL, *RATIOS), **patches},
        together=(*ground, Together(labels={"data.ratio": twin, "patch": GROUND})),
        optional={"data.ratio": FULL},
        smoke_axes={"data.ratio": RATIOS, "patch": ()},
        smoke_together=(),
    )


EXPERIMENT = Experiment(
    name="downscale",
    question="How does the score change with the pixel spacing of the input, on its own grid and at 80 m?",
    arms={"pixel": _arm("pixel", EXTENTS, 256), "patch": _arm("patch", STEPS, 224)},
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
