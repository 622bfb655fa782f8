"""Names of the checkpoints in the folder of a trial. Imports no torch, since planning a study uses them too."""

from pathlib import Path
from typing import Final

BEST: Final = "best.pt"
"""Checkpoint with the weights of the best epoch."""

LAST: Final = "last.pt"
"""State of the training; deleted when the trial has finished."""


def checkpoint_file(path: Path) -> Path:
    """`best.pt` of a trial's folder, or the file that was given."""
    return path / BEST if path.is_dir() else path
