"""The studies: every file in `sweeps` but the campaign of all of them."""

import importlib
from pathlib import Path
from typing import Final

from datasets.errors import unknown_name
from sweeps.design.experiment import Experiment

CAMPAIGN: Final = "all"
"""The file that runs every study; it is not a study."""


def study_names() -> tuple[str, ...]:
    """Names in alphabetical order."""
    stems = (path.stem for path in Path(__file__).parents[1].glob("[!_]*.py"))
    return tuple(sorted(stem for stem in stems if stem != CAMPAIGN))


def study(name: str) -> Experiment:
    """The study of this name; raises UnknownNameError with the nearest name."""
    known = study_names()
    if name not in known:
        raise unknown_name("study", name, known)
    found: Experiment = importlib.import_module(f"sweeps.{name}").EXPERIMENT
    return found
