#!/usr/bin/env python
"""Which inputs does a network need?

Each group of channels is left out once, and groups are added one after the other to the SAR channels.

    python sweeps/channels.py --lake LAKE --dry-run

Train on: all training scenes. Test on: all test scenes. All channels, 5 without a group, 3 built up:
2 tasks x 9 sets of channels x 5 seeds = 90 trials.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as a script only sweeps/ is on the path

from datasets.channels import GROUPS, INPUTS, group_of
from sweeps.design.axes import Axis
from sweeps.design.bases import both
from sweeps.design.experiment import Experiment


def _sets() -> dict[str, list[str]]:
    """All groups; all but one; the first one, two, ... groups (those that are not in the sets before)."""
    found = {"all": list(INPUTS)}
    found |= {f"without {group}": [name for name in INPUTS if group_of(name) != group] for group in GROUPS}
    for count in range(1, len(GROUPS) - 1):
        found[" + ".join(GROUPS[:count])] = [name for name in INPUTS if group_of(name) in GROUPS[:count]]
    return found


CHANNELS: dict[str, Axis] = {"channels": {label: {"data.channels": names} for label, names in _sets().items()}}

EXPERIMENT = Experiment(
    name="channels",
    question="How does the score change with the groups of channels that a network sees?",
    arms=both(CHANNELS),
)

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(EXPERIMENT)
