#!/usr/bin/env python
"""How much data is enough?

There are two ways to have less data: fewer scenes, and fewer patches of all scenes. A smaller set is inside every
larger one of the same seed, and every seed draws its own.

    python sweeps/data_size.py --lake LAKE --dry-run

Train on: a share of the training scenes, or a number of patches of all; 30,000 steps each, so that more data are not
more training. Test on: all test scenes. 2 tasks x (5 shares + 5 numbers of patches) x 5 seeds = 100 trials.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from sweeps.design.axes import Axis
from sweeps.design.bases import both
from sweeps.design.experiment import Experiment
from sweeps.design.scene_sets import EQUAL_STEPS


def _subsets(shares: tuple[float, ...], patches: tuple[int, ...]) -> dict[str, Axis]:
    scenes = {f"{share:.0%} of scenes": {"data.scene_share": share} for share in shares}
    return {"subset": {**scenes, **{f"{count} patches": {"data.max_patches": count} for count in patches}}}


EXPERIMENT = Experiment(
    name="data_size",
    question="How does the score grow with the number of training scenes, and of training patches?",
    arms=both(
        _subsets((0.05, 0.1, 0.25, 0.5, 1.0), (500, 1000, 4000, 16000, 64000)),
        changes=EQUAL_STEPS,
        smoke_axes=_subsets((0.5, 1.0), (16, 64)),
    ),
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
