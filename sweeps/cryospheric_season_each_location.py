#!/usr/bin/env python
"""Is the effect of melt and freeze the same at every location?

    python sweeps/cryospheric_season_each_location.py --lake LAKE --dry-run

Train on: the training scenes of melt, of freeze, and of both together, of one location category and of all. Test on:
all test scenes, with the scores of every cryospheric season and location by itself; no test scene of the published
archive is in cat4. The epoch is chosen on all val scenes. 2 tasks x 3 seasons x 5 locations x 3 seeds = 90 trials.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from datasets.seasons import CRYOSEASONS, LOCATIONS
from sweeps.design.bases import both
from sweeps.design.experiment import Experiment
from sweeps.design.scene_sets import CRYO_SETS, EVERYWHERE, trained_on

EXPERIMENT = Experiment(
    name="cryospheric_season_each_location",
    question="How does the score change with the cryospheric season of the training scenes, place by place?",
    arms=both({"train.cryoseason": CRYO_SETS, "train.location": {**trained_on("location", LOCATIONS), **EVERYWHERE}}),
    bins=(*CRYOSEASONS, *LOCATIONS),
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
