"""What a worker tells the driver through Ray, by the names of its keys."""

from collections.abc import Callable
from typing import Any, Final

Report = Callable[[dict[str, Any]], None]
"""Ray's: takes what an epoch gave, and ends the function where a scheduler has seen enough."""

EPOCH: Final = "epoch"
SCORE: Final = "val/f1"
"""What searches and schedulers look at: never a test score."""

REFUSED: Final = "refused"
"""Why a trial is not to be tried again."""
