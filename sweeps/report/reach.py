"""What the test can tell apart at all: on few orbit passes, or among many comparisons, nothing. Pure.

The p-value of a difference that has one sign on all subsets of the passes is the smallest that there is. Where it is
above the level, the verdict is arithmetic: it says how many scenes there are, not whether two networks differ.
"""

from collections.abc import Sequence
from typing import Final

from datasets.plural import plural
from sweeps.report.intervals import ALPHA, FEWEST_PASSES, SUBSETS, subsets, subsets_for

UNDECIDED: Final = "cannot be decided"
"""The reading of a difference that no scores whatever would tell apart."""


def smallest_p(passes: int, most: int = SUBSETS) -> float:
    """The p-value of a difference that has one sign on all subsets: so many passes never give a smaller one."""
    found = subsets(passes, most)
    return min(2 * found.repeats / (found.repeats + len(found.chosen)), 1.0)


def reaches(passes: int, level: float, most: int = SUBSETS) -> bool:
    """Whether any scores on so many passes could be told apart at a level; equal but for rounding is enough."""
    return smallest_p(passes, most) <= level + 1e-12


def fewest_passes(of_comparisons: Sequence[int]) -> int:
    """With how many orbit passes a comparison of a family can be told apart.

    Args:
        of_comparisons: Passes of each comparison.

    Returns:
        The smallest number whose `smallest_p` is at most the share of `ALPHA` of each comparison that has as many
        passes or more; more than any of them has where nothing can be told apart.
    """
    most = max(of_comparisons, default=0)
    return next((n for n in range(FEWEST_PASSES, most + 1) if _reach(n, _with(n, of_comparisons))), most + 1)


def undecidable(passes: int, compared: int) -> str:
    """Why no difference on so many passes can be told apart, one of `compared` together; without a full stop."""
    most = subsets_for(compared)
    needed = next((n for n in range(max(passes + 1, FEWEST_PASSES), most.bit_length()) if _reach(n, compared)), None)
    together = f"each of {compared} differences together needs" if compared > 1 else "a difference needs"
    takes = f", which takes {needed} passes" if needed else ", which no number of passes gives: compare fewer cells"
    return (
        f"test scenes of {plural(passes, 'orbit pass', 'orbit passes')} cannot tell any difference apart, whatever the "
        f"scores: their smallest p-value is {smallest_p(passes, most):.2g}, and "
        f"{together} {ALPHA / compared:.2g}{takes}"
    )


def _with(passes: int, of_comparisons: Sequence[int]) -> int:
    return sum(each >= passes for each in of_comparisons)


def _reach(passes: int, compared: int) -> bool:
    return reaches(passes, ALPHA / max(compared, 1), subsets_for(compared))
