#!/usr/bin/env python
"""How much does each step between raw data and network change the score?

Augmentation, pixels near polygon borders (a radar pixel there may be of either side), land, channel statistics; and, on
lakes built with other options, how blocks of the chart and of the SAR image are reduced.

    python sweeps/data_preparation.py --lake LAKE --dry-run
    python sweeps/data_preparation.py --lake LAKE --lake LAKE_MODE --lake LAKE_POWER

The points `recipe...` need a lake built with `--chart-reduction mode`, and one with `--sar-mean power`, of the same
scenes; give them as further lakes. Without them these points are named and left out.

The published thresholds of border distance were in pixels of 40 m, but described as km. So 0, 200, 400, 600 and 800 m
are what was computed, and 5, 10 and 20 km are what was described. Train on: all training scenes. Test on: all test
scenes, whose labels near borders always count, also where training leaves them out.
2 tasks x 14 points x 5 seeds = 140 trials.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from sweeps.design.axes import Axis
from sweeps.design.bases import both
from sweeps.design.experiment import Experiment

NO_AUGMENTATION = {"augment.flip_lines": 0.0, "augment.flip_samples": 0.0, "augment.rotate": 0.0}

STEPS: dict[str, Axis] = {
    "augmentation": {
        "none": NO_AUGMENTATION,
        "flips": {**NO_AUGMENTATION, "augment.flip_lines": 0.5, "augment.flip_samples": 0.5},
    },
    "border distance": {
        **{f"{metres} m": {"data.border_distance": float(metres)} for metres in (200, 400, 600, 800)},
        **{f"{km} km": {"data.border_distance": 1000.0 * km} for km in (5, 10, 20)},
    },
    "land": {"out": {"data.max_land": 0.0}},
    "statistics": {"scene_average": {"data.statistics": "scene_average"}},
    "recipe.chart_reduction": {"mode": {"recipe.chart_reduction": "mode"}},
    "recipe.sar_mean": {"power": {"recipe.sar_mean": "power"}},
}

EXPERIMENT = Experiment(
    name="data_preparation",
    question="How does the score change with each step of data preparation, all others as published?",
    arms=both(STEPS, crossed=False),
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
