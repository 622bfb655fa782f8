"""Names of what a worker reports to the driver through Ray."""

from collections.abc import Callable
from typing import Any, Final

Report = Callable[[dict[str, Any]], None]
"""Ray's function: takes the results of an epoch, and ends the worker's function where a scheduler stops the trial."""

EPOCH: Final = "epoch"
SCORE: Final = "val/f1"
"""The score that searches and schedulers use: never a test score."""

REFUSED: Final = "refused"
"""Why a trial is not to be tried again."""
