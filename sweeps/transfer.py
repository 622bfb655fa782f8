#!/usr/bin/env python
"""How well does a network that was trained on one season or place read every other?

    python sweeps/transfer.py --lake LAKE --dry-run

Train on: the training scenes of one season, of one location category, of melt, of freeze. Test on: all test scenes,
with the scores of every season, location and cryospheric season by itself: a matrix of "trained on" by "scored on".
Nothing of another season or place takes part: the epoch is chosen on val scenes of the source, and its training scenes
normalize. Beside every set stand as many scenes, with as many labelled pixels, drawn from all, and the set with epoch
and normalization chosen by all scenes, as published. All train 30,000 steps.
2 tasks x 10 sets of scenes x 3 cells x 5 seeds = 300 trials.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from datasets.seasons import CRYOSEASONS, LOCATIONS, SEASONS
from sweeps.design.axes import Axis
from sweeps.design.bases import both
from sweeps.design.experiment import Experiment
from sweeps.design.scene_sets import CONTROLS, EQUAL_STEPS, controls_of, trained_on

SETS: dict[str, Axis] = {
    "trained on": {
        **trained_on("season", SEASONS),
        **trained_on("location", LOCATIONS),
        **trained_on("cryoseason", CRYOSEASONS),
    }
}

EXPERIMENT = Experiment(
    name="transfer",
    question="How well does a network trained on one season or location read every other?",
    arms=both({**SETS, **CONTROLS}, changes=EQUAL_STEPS, together=controls_of(SETS)),
    bins=(*SEASONS, *LOCATIONS, *CRYOSEASONS),
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
