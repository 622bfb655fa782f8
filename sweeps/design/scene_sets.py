"""Sets of scenes to train on, as values of an axis."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from datasets.seasons import CRYOSEASONS
from sweeps.design.axes import Changes

EVERYWHERE: Final[Mapping[str, Changes]] = {"all": {}}
"""No rule: every training scene."""


def trained_on(field: Literal["season", "location", "cryoseason"], values: Sequence[str]) -> dict[str, Changes]:
    """One set for each value: the training scenes that have it."""
    return {value: {f"data.train.{field}": value} for value in values}


CRYO_SETS: Final[Mapping[str, Changes]] = {
    **trained_on("cryoseason", CRYOSEASONS),
    "both": {"data.train.cryoseason": "known"},
}
"""Melt, freeze, and all scenes that have either (IceBench calls the last `TwoSeasons`)."""
