#!/usr/bin/env python
"""What does a coarser grid cost, and what does it buy?

The U-Net sees 256 x 256 pixels at every ratio, so 20 km at 80 m and 102 km at 400 m: more context, less detail. Trials
are scored on their own grid, comparable with the published study, and on the 80 m grid, where every ratio meets the
same truth.

    python sweeps/downscale.py --lake LAKE --dry-run

3 ratios x 3 seeds = 9 trials; about a GPU-day each with the published 300 epochs. Full resolution (ratio 1) is not in
it: a crop of 256 pixels shows 10 km there, and scoring costs four times that of 80 m.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from sweeps.experiment import Experiment
from sweeps.smoke import SMOKE
from training.baselines import ICEBENCH_UNET

EXPERIMENT = Experiment(
    name="downscale",
    question="How does the score change with the pixel spacing of the input, on its own grid and at 80 m?",
    base=ICEBENCH_UNET,
    axes={"data.ratio": (2, 5, 10)},
    seeds=(0, 1, 2),
    objective="test_80m/f1",
    smoke=SMOKE,
)

if __name__ == "__main__":
    from sweeps.command import main

    main(EXPERIMENT)
