#!/usr/bin/env python
"""Does a network that has seen one season only read the others?

    python sweeps/regular_season.py --lake LAKE --dry-run

Train on: the training scenes of one season, and of all. Test on: all test scenes, with the scores of every season by
itself. The epoch is chosen on all val scenes everywhere, so that points differ only in what they are trained on.
2 tasks x 5 sets of scenes x 3 seeds = 30 trials.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from datasets.seasons import SEASONS
from sweeps.design.bases import both
from sweeps.design.experiment import Experiment
from sweeps.design.scene_sets import EVERYWHERE, trained_on

EXPERIMENT = Experiment(
    name="regular_season",
    question="How does the score change when all training scenes are of one season?",
    arms=both({"train.season": {**trained_on("season", SEASONS), **EVERYWHERE}}),
    bins=SEASONS,
    matrix="train.season",
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
