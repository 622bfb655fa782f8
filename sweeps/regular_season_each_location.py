#!/usr/bin/env python
"""Does a network that has seen one season in one place read that season and place better than one that saw more?

    python sweeps/regular_season_each_location.py --lake LAKE --dry-run

Train on: the training scenes of one season and location category. Test on: all test scenes, with the scores of every
season and location by itself. No test scene of the published archive is in cat4 (the far north), so its column is
empty. Beside every set stand as many scenes, with as many labelled pixels, drawn from all, and the set with epoch and
normalization chosen by all scenes, as published. All train 30,000 steps. Where a season and place has no val scene, a
tenth of its training scenes is held out. 2 tasks x 4 seasons x 4 locations x 3 cells x 5 seeds = 480 trials.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from datasets.seasons import LOCATIONS, SEASONS
from sweeps.design.axes import Axis
from sweeps.design.bases import both
from sweeps.design.experiment import Experiment
from sweeps.design.scene_sets import CONTROLS, EQUAL_STEPS, controls_of, trained_on

SETS: dict[str, Axis] = {
    "train.season": trained_on("season", SEASONS),
    "train.location": trained_on("location", LOCATIONS),
}

EXPERIMENT = Experiment(
    name="regular_season_each_location",
    question="How does the score change when all training scenes are of one season and location?",
    arms=both({**SETS, **CONTROLS}, changes=EQUAL_STEPS, together=controls_of(SETS)),
    bins=(*SEASONS, *LOCATIONS),
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
