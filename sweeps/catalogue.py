"""The studies: every file beside this one that is no part of the machinery."""

import importlib
from pathlib import Path
from typing import Final

from datasets.errors import unknown_name
from sweeps.experiment import Experiment

MACHINERY: Final = frozenset(
    {"__init__", "__main__", "all", "axes", "bases", "catalogue", "cells", "experiment", "trial"}
)


def study_names() -> tuple[str, ...]:
    """Names in alphabetical order."""
    return tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in MACHINERY))


def study(name: str) -> Experiment:
    """The study of this name; raises UnknownNameError with the nearest name."""
    known = study_names()
    if name not in known:
        raise unknown_name("study", name, known)
    found: Experiment = importlib.import_module(f"sweeps.{name}").EXPERIMENT
    return found
