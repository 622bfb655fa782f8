"""Which trials the driver of a study has set out to run, as a tag of the parent run: they wait, the others are missing.

The first line is the time in milliseconds since 1970, the others are names of trials in their order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from training.tracking.mlflow_client import TAG_LIMIT

ORDERED: Final = "ordered"


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """The trials of the last driver.

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
        if not at.isdecimal():
            return None
        return cls(at=int(at), names=tuple(names) or None)


def to_tag(at: int, names: Sequence[str]) -> str:
    """The text of the tag."""
    text = "\n".join([str(at), *names])
    return text if len(text) <= TAG_LIMIT else str(at)
