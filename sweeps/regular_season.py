#!/usr/bin/env python
"""Does a network that has seen one season only read the others?

    python sweeps/regular_season.py --lake LAKE --dry-run

Train on: the training scenes of one season, and of all. Test on: all test scenes, with the scores of every season by
itself. Beside every season stand as many scenes, with as many labelled pixels, drawn from all (each seed draws its
own), and the season with epoch and normalization chosen by scenes of all seasons, as published. All train 30,000 steps.
2 tasks x (4 seasons x 3 cells + all scenes) x 5 seeds = 130 trials.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from datasets.seasons import SEASONS
from sweeps.design.axes import Axis
from sweeps.design.bases import both
from sweeps.design.experiment import Experiment
from sweeps.design.scene_sets import CONTROLS, EQUAL_STEPS, EVERYWHERE, controls_of, trained_on

SETS: dict[str, Axis] = {"train.season": {**trained_on("season", SEASONS), **EVERYWHERE}}

EXPERIMENT = Experiment(
    name="regular_season",
    question="How does the score change when all training scenes are of one season?",
    arms=both({**SETS, **CONTROLS}, changes=EQUAL_STEPS, together=controls_of(SETS)),
    bins=SEASONS,
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
