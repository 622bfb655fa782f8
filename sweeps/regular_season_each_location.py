#!/usr/bin/env python
"""Does a network that has seen one season in one place read that season and place better than one that saw more?

    python sweeps/regular_season_each_location.py --lake LAKE --dry-run

Train on: the training scenes of one season and location category. Test on: all test scenes, with the scores of every
season and location by itself. No test scene of the published archive is in cat4 (the far north), so its column is
empty. The epoch is chosen on all val scenes everywhere. 2 tasks x 4 seasons x 4 locations x 3 seeds = 96 trials.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from datasets.seasons import LOCATIONS, SEASONS
from sweeps.design.bases import both
from sweeps.design.experiment import Experiment
from sweeps.design.scene_sets import trained_on

EXPERIMENT = Experiment(
    name="regular_season_each_location",
    question="How does the score change when all training scenes are of one season and location?",
    arms=both({"train.season": trained_on("season", SEASONS), "train.location": trained_on("location", LOCATIONS)}),
    bins=(*SEASONS, *LOCATIONS),
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
