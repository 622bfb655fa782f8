"""When the trials of a study that are not over will end, by how long those took that are. Pure.

A trial takes as long as the mean of the finished ones of its cell, which differ from it in the seed only; where none
has finished, as long as the mean of all cells. A running trial of a study in which nothing has finished is expected to
train all its epochs at the pace of those that it has done. Where that is not known either, nothing is expected.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Final

_DAY_S: Final = 86400.0


@dataclass(frozen=True, kw_only=True)
class OpenTrial:
    """A trial that is not over: seconds for which it has run, None where it waits, and the share of its epochs done."""

    cell: str
    running: float | None = None
    share: float = 0.0


def seconds_left(
    trials: Sequence[OpenTrial], durations: Mapping[str, Sequence[float]], slots: int = 0
) -> list[float | None]:
    """Seconds from now until each trial ends; None where that is not known.

    Args:
        trials: Waiting ones start in this order.
        durations: Seconds that finished trials took, by the name of their cell.
        slots: How many run at a time; at least as many as run now.
    """
    means = {cell: fmean(each) for cell, each in durations.items() if each}
    pace = [each.running / each.share for each in trials if each.running is not None and each.share > 0]
    usual = fmean(means.values()) if means else fmean(pace) if pace else None
    left: list[float | None] = [None] * len(trials)
    if usual is None:
        return left
    for place, each in enumerate(trials):
        if each.running is not None:
            known = means.get(each.cell)
            if known is None:
                known = usual if means or not each.share else each.running / each.share
            left[place] = max(known - each.running, 0.0)
    free = [seconds for seconds in left if seconds is not None]
    free += [0.0] * (max(slots, 1) - len(free))
    heapq.heapify(free)
    for place, each in enumerate(trials):
        if each.running is None:
            end = free[0] + means.get(each.cell, usual)
            heapq.heapreplace(free, end)
            left[place] = end
    return left


def clock(at: float, now: float) -> str:
    """Local time of a moment, both in seconds since 1970: `14:20 UTC`, with the day where it is further than a day."""
    moment = datetime.fromtimestamp(at).astimezone()
    day = "" if 0 <= at - now < _DAY_S else f"{moment:%a} {moment.day} {moment:%b} "
    return f"{day}{moment:%H:%M %Z}"


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3.4 h`, `2.1 days`: as long as a person would say it."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 2 * _DAY_S else f"{seconds / _DAY_S:.1f} days"
