#!/usr/bin/env python
"""What does a network lose with a coarser grid, and what does it gain?

A network sees 256 x 256 pixels (224 x 224 for patches) at every ratio, so 20 km at 80 m and 102 km at 400 m: more
context, less detail. Trials are scored on their own grid, comparable with the published study, and on the 80 m grid,
where every ratio has the same truth.

    python sweeps/downscale.py --lake LAKE --dry-run

Train on: all training scenes. Test on: all test scenes. 2 tasks x 3 ratios x 3 seeds = 18 trials. Full resolution
(ratio 1) is not in it: a crop of 256 pixels shows 10 km there, and scoring costs four times that of 80 m.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from sweeps.design.bases import both
from sweeps.design.experiment import Experiment

EXPERIMENT = Experiment(
    name="downscale",
    question="How does the score change with the pixel spacing of the input, on its own grid and at 80 m?",
    arms=both({"data.ratio": (2, 5, 10)}),
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
