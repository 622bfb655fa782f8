#!/usr/bin/env python
"""How well does a network that was trained on one season or place read every other?

    python sweeps/transfer.py --lake LAKE --dry-run

Train on: the training scenes of one season, of one location category, of melt, of freeze. Test on: all test scenes,
with the scores of every season, location and cryospheric season by itself: a matrix of "trained on" by "scored on". The
epoch is chosen on all val scenes. 2 tasks x 10 sets of scenes x 3 seeds = 60 trials.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from datasets.seasons import CRYOSEASONS, LOCATIONS, SEASONS
from sweeps.design.bases import both
from sweeps.design.experiment import Experiment
from sweeps.design.scene_sets import trained_on

SETS = {
    **trained_on("season", SEASONS),
    **trained_on("location", LOCATIONS),
    **trained_on("cryoseason", CRYOSEASONS),
}

EXPERIMENT = Experiment(
    name="transfer",
    question="How well does a network trained on one season or location read every other?",
    arms=both({"trained on": SETS}),
    bins=(*SEASONS, *LOCATIONS, *CRYOSEASONS),
    matrix="trained on",
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
