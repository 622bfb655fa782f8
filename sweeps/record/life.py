"""What a trial tells of itself while it runs, as tags of its run: node, last sign of life, epochs, best val score."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

NODE: Final = "node"
"""Tag with the name of the machine where the trial runs."""
ALIVE: Final = "alive"
"""Tag with the time (ISO 8601, UTC) at which the trial last said that it goes on; at most once in `BEAT_S`."""
EPOCHS: Final = "epochs"
"""Tag with the number of epochs that are done."""
BEST: Final = "best_val_f1"
"""Tag with the best val F1 of these epochs."""
BEAT_S: Final = 60.0


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
    """Epochs that are done; None where that is not on record."""
    text = tags.get(EPOCHS, "")
    return int(text) if text.isdecimal() else None


def best_val_f1(tags: Mapping[str, str]) -> float | None:
    """Best val F1 so far; None where that is not on record."""
    try:
        return float(tags[BEST])
    except (KeyError, ValueError):
        return None
