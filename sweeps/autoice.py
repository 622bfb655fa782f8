#!/usr/bin/env python
"""What made the winner of the AutoICE challenge win?

The settings of the winner (University of Waterloo, MMSeaIce): three charts at once at 800 m, concentration by
regression, stage and floe size three times as heavy. Then one thing at a time is taken back. The recommended lake lacks
its ratio of 20; this makes one that has it:

    python -m ingest build data/raw-train --lake data/lake --ratios 2 5 10 20 --rebuild
    python sweeps/autoice.py --lake data/lake --dry-run

Train on: all training scenes. Test on: all test scenes, by the combined score of the challenge on the 80 m grid (its
own is the 800 m grid of the winner, `own grid`). Networks of one chart have no combined score: compare their R2 or
weighted F1 with that term of the winner's. 8 points x 5 seeds = 40 trials.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from sweeps.design.axes import Axis
from sweeps.design.bases import SMOKE
from sweeps.design.experiment import Arm, Experiment
from training.spec.protocols import AUTOICE_WINNER

ABLATIONS: dict[str, Axis] = {
    "data.ratio": (5, 10, 20),
    "loss": {
        "SIC by classes": {"loss.sic": "classes"},
        "charts weigh alike": {"loss.task_weights": {}},
    },
    "charts": {f"{name} alone": {"data.targets": [name]} for name in AUTOICE_WINNER.data.targets},
}

EXPERIMENT = Experiment(
    name="autoice",
    question="How does the combined score of the AutoICE winner change with each of its choices taken back?",
    arms={
        "pixel": Arm(
            base=AUTOICE_WINNER,
            axes=ABLATIONS,
            crossed=False,
            smoke={**SMOKE["pixel"], "data.ratio": 10},
            smoke_axes={"data.ratio": (2, 5)},
        )
    },
    objective="test_80m/autoice",
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
