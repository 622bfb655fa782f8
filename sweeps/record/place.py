"""Where a trial lies in its study, by the tags that its run carries. Pure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sweeps.record.study import TrialRow

AXIS_TAG: Final = "axis."
"""Prefix of the tags that hold a trial's value on each axis."""
_SEED: Final = "seed="


def value_on(row: "TrialRow", axis: str) -> str:
    """By tag; by param for trials from before there were tags; empty where the trial is not on the axis."""
    if any(tag.startswith(AXIS_TAG) for tag in row.tags):
        return row.tags.get(f"{AXIS_TAG}{axis}", "")
    return row.params.get(axis, "")


def seed_of(row: "TrialRow") -> int:
    """Seed by tag or param."""
    text = row.tags.get("seed") or row.params.get("seed") or "0"
    return int(text)


def place_name(axes: Sequence[str], cell: Sequence[str], seed: int) -> str:
    """`task=pixel data.ratio=5 seed=1`: as the launcher names a trial; without the axes that it does not lie on."""
    words = [f"{axis}={value}" for axis, value in zip(axes, cell, strict=True) if value]
    return " ".join([*words, f"{_SEED}{seed}"])


def cell_of_name(name: str) -> str:
    """The name of a trial without its seed, which is its last word."""
    return name.rpartition(f" {_SEED}")[0] if f" {_SEED}" in name else name
