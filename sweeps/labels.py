#!/usr/bin/env python
"""How much does the share of ice from which a stage names its polygon decide?

A third of the ice pixels have no label at the published share of 0.65: no stage of their polygon reaches it, so they
are neither trained on nor scored. A lower share labels more pixels, less surely. Labels come from the polygons of the
lake.

    python sweeps/labels.py --lake LAKE --dry-run
    python -m datasets agreement LAKE

Train on: all training scenes with labels by five shares. Test on: all test scenes, on the pixels that have one label
at all of these shares (`dominance 0.9`, by which cells are compared), on all that have a label at any (`dominance
0.5`), and by the charts of the lake as in every study. The epoch is chosen on val scenes with the labels of training.
The second command says how far two ice services agree on the frames that both charted: more cannot be expected of a
network. Patches are indexed by the charts of the lake, so the study is pixel-based. 5 shares x 5 seeds = 25 trials.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from sweeps.design.bases import arm
from sweeps.design.experiment import Experiment

SHARES = (0.5, 0.65, 0.7, 0.8, 0.9)

EXPERIMENT = Experiment(
    name="labels",
    question="How does the score change with the share of ice from which a stage of development names its polygon?",
    arms={
        "pixel": arm("pixel", {"data.dominance": SHARES}, changes={"evaluation.dominance": [min(SHARES), max(SHARES)]})
    },
    objective="test_80m_d90/f1",
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
