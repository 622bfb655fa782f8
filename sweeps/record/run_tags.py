"""What tags of runs say: the place of a trial in its study, its life, and which trials a driver is to run. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self

from training.tracking.mlflow_client import TAG_LIMIT

if TYPE_CHECKING:
    from sweeps.record.study import TrialRow

AXIS_TAG: Final = "axis."
"""Prefix of the tags that hold a trial's value on each axis."""
NODE: Final = "node"
"""Tag with the name of the machine where the trial runs."""
ALIVE: Final = "alive"
"""Tag with the time (ISO 8601, UTC) at which the trial last said that it goes on; at most once in `BEAT_S`."""
EPOCHS: Final = "epochs"
"""Tag with the number of epochs that are done."""
BEST: Final = "best_val_f1"
"""Tag with the best val F1 of these epochs."""
BEAT_S: Final = 60.0
ORDERED: Final = "ordered"
"""Tag of a parent run: time in milliseconds since 1970, and below it the names of the trials that its driver runs."""
_SEED: Final = "seed="


def value_on(row: "TrialRow", axis: str) -> str:
    """By tag; by param for trials from before there were tags; empty where the trial is not on the axis."""
    if any(tag.startswith(AXIS_TAG) for tag in row.tags):
        return row.tags.get(f"{AXIS_TAG}{axis}", "")
    return row.params.get(axis, "")


def tagged_axes(rows: Sequence["TrialRow"]) -> tuple[str, ...]:
    """Axes on which trials lie by their tags."""
    tags = (tag for row in rows for tag in row.tags if tag.startswith(AXIS_TAG))
    return tuple(dict.fromkeys(tag.removeprefix(AXIS_TAG) for tag in tags))


def seed_of(row: "TrialRow") -> int:
    """Seed by tag or param."""
    return int(row.tags.get("seed") or row.params.get("seed") or "0")


def place_name(axes: Sequence[str], cell: Sequence[str], seed: int) -> str:
    """`task=pixel data.ratio=5 seed=1`: as the launcher names a trial; without the axes that it does not lie on."""
    words = [f"{axis}={value}" for axis, value in zip(axes, cell, strict=True) if value]
    return " ".join([*words, f"{_SEED}{seed}"])


def cell_of_name(name: str) -> str:
    """The name of a trial without its seed, which is its last word."""
    return name.rpartition(f" {_SEED}")[0] if f" {_SEED}" in name else name


def alive_tag(now_s: float) -> dict[str, str]:
    """The tag of a moment, in seconds since 1970."""
    return {ALIVE: datetime.fromtimestamp(now_s, UTC).isoformat(timespec="seconds")}


def alive_at(tags: Mapping[str, str]) -> float | None:
    """Seconds since 1970 of the last sign of life; None where there is none, or where a person changed it."""
    try:
        return datetime.fromisoformat(tags[ALIVE]).timestamp()
    except (KeyError, ValueError):
        return None


def epochs_done(tags: Mapping[str, str]) -> int | None:
    """None where that is not on record."""
    text = tags.get(EPOCHS, "")
    return int(text) if text.isdecimal() else None


def best_val_f1(tags: Mapping[str, str]) -> float | None:
    """Best val F1 so far; None where that is not on record."""
    try:
        return float(tags[BEST])
    except (KeyError, ValueError):
        return None


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """The trials that the last driver of a study has set out to run: these wait, the others are missing.

    Attributes:
        at: When it began to run them, in milliseconds since 1970.
        names: In their order; None where they are too many for a tag: all that the study has.
    """

    at: int
    names: tuple[str, ...] | None

    @classmethod
    def from_tag(cls, text: str) -> Self | None:
        """None where there is nothing on record."""
        at, *names = text.split("\n")
        return cls(at=int(at), names=tuple(names) or None) if at.isdecimal() else None


def ordered_tag(at: int, names: Sequence[str]) -> str:
    """The text of the tag `ORDERED`."""
    text = "\n".join([str(at), *names])
    return text if len(text) <= TAG_LIMIT else str(at)
