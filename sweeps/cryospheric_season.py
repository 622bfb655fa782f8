#!/usr/bin/env python
"""Does a network that was trained on melting ice only also read freezing ice, and the other way round?

The cryospheric season of a scene comes from the NASA melt dates (`python -m ingest melt`). Scenes without one are left
out of all three sets.

    python sweeps/cryospheric_season.py --lake LAKE --dry-run

Train on: the training scenes of melt, of freeze, and of both together. Test on: all test scenes, with the scores of
melt and freeze by themselves. Beside every set stand as many scenes, with as many labelled pixels, drawn from all, and
the set with epoch and normalization chosen by all scenes, as published. All train 30,000 steps.
2 tasks x 3 sets of scenes x 3 cells x 5 seeds = 90 trials.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from datasets.seasons import CRYOSEASONS
from sweeps.design.axes import Axis
from sweeps.design.bases import both
from sweeps.design.experiment import Experiment
from sweeps.design.scene_sets import CONTROLS, CRYO_SETS, EQUAL_STEPS, controls_of

SETS: dict[str, Axis] = {"train.cryoseason": CRYO_SETS}

EXPERIMENT = Experiment(
    name="cryospheric_season",
    question="How does the score change when all training scenes are of melt, of freeze, or of both?",
    arms=both({**SETS, **CONTROLS}, changes=EQUAL_STEPS, together=controls_of(SETS)),
    bins=CRYOSEASONS,
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
