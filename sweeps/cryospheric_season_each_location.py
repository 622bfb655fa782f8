#!/usr/bin/env python
"""Is the effect of melt and freeze the same at every location?

    python sweeps/cryospheric_season_each_location.py --lake LAKE --dry-run

Train on: the training scenes of melt, of freeze, and of both together, of one location category and of all. Test on:
all test scenes, with the scores of every cryospheric season and location by itself; no test scene of the published
archive is in cat4. Beside every set stand as many scenes, with as many labelled pixels, drawn from all, and the set
with epoch and normalization chosen by all scenes, as published. All train 30,000 steps.
2 tasks x 3 seasons x 5 locations x 3 cells x 5 seeds = 450 trials.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from datasets.seasons import CRYOSEASONS, LOCATIONS
from sweeps.design.axes import Axis
from sweeps.design.bases import both
from sweeps.design.experiment import Experiment
from sweeps.design.scene_sets import CONTROLS, CRYO_SETS, EQUAL_STEPS, EVERYWHERE, controls_of, trained_on

SETS: dict[str, Axis] = {
    "train.cryoseason": CRYO_SETS,
    "train.location": {**trained_on("location", LOCATIONS), **EVERYWHERE},
}

EXPERIMENT = Experiment(
    name="cryospheric_season_each_location",
    question="How does the score change with the cryospheric season of the training scenes, place by place?",
    arms=both({**SETS, **CONTROLS}, changes=EQUAL_STEPS, together=controls_of(SETS)),
    bins=(*CRYOSEASONS, *LOCATIONS),
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
