#!/usr/bin/env python
"""Does a network that was trained on melting ice only also read freezing ice, and the other way round?

The cryospheric season of a scene comes from the NASA melt dates (`python -m ingest melt`). Scenes without one are left
out of all three sets.

    python sweeps/cryospheric_season.py --lake LAKE --dry-run

Train on: the training scenes of melt, of freeze, and of both together. Test on: all test scenes, with the scores of
melt and freeze by themselves. The epoch is chosen on all val scenes. 2 tasks x 3 sets of scenes x 3 seeds = 18 trials.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from datasets.seasons import CRYOSEASONS
from sweeps.design.bases import both
from sweeps.design.experiment import Experiment
from sweeps.design.scene_sets import CRYO_SETS

EXPERIMENT = Experiment(
    name="cryospheric_season",
    question="How does the score change when all training scenes are of melt, of freeze, or of both?",
    arms=both({"train.cryoseason": CRYO_SETS}),
    bins=CRYOSEASONS,
    matrix="train.cryoseason",
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
