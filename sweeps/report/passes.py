"""Which test scenes are of one orbit pass: neighbours that share weather, ice and often the chart they were drawn from.

They are one observation, not several, so they are drawn, left out and counted together.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

GAP: Final = timedelta(minutes=20)
"""Longest time between neighbours of one pass. A satellite crosses the Arctic in less than 25 minutes, comes back after
98, and the two of Sentinel-1 follow each other by 49: scenes that are minutes apart are always of one satellite."""


def pass_numbers(scene_ids: Sequence[str]) -> NDArray[np.intp]:
    """Number of the pass of every scene, (n,), counted from 0 in order of time, from `20180325T194759_dmi`.

    Frames that follow each other within `GAP`, and charts of one frame by two services, are of one pass. A scene whose
    id has no time is a pass of its own.
    """
    times = [_start(scene_id) for scene_id in scene_ids]
    numbers = np.zeros(len(scene_ids), dtype=np.intp)
    number, before = -1, None
    for place in sorted(range(len(scene_ids)), key=lambda place: (times[place] or datetime.min, scene_ids[place])):
        start = times[place]
        if before is None or start is None or start - before > GAP:
            number += 1
        numbers[place], before = number, start
    return numbers


def _start(scene_id: str) -> datetime | None:
    try:
        return datetime.strptime(scene_id[:15], "%Y%m%dT%H%M%S")
    except ValueError:
        return None
