#!/usr/bin/env python
"""Every study of the benchmark, one after the other: the campaign.

    python sweeps/all.py --lake LAKE --dry-run

Trials that are finished are not run again, so it can be stopped and started at any time. 2 tasks, 5 seeds:
2405 trials. Studies that explain trained networks come last, after the trainings that they need.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from sweeps.design.catalogue import study, study_names

if __name__ == "__main__":
    from sweeps.launch.command import application

    every = {name: study(name) for name in study_names()}
    studies = dict(sorted(every.items(), key=lambda pair: bool(pair[1].trained_by)))
    application(studies, f"All {len(studies)} studies, one after the other.")()
