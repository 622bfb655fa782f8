"""Sets of scenes to train on, as values of an axis, and what is held equal between them."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from datasets.seasons import CRYOSEASONS
from sweeps.design.axes import Axis, Changes, Together

EVERYWHERE: Final[Mapping[str, Changes]] = {"all": {}}
"""No rule: every training scene."""

SELECTION: Final = "selection"
SCENES: Final = "scenes"
SOURCE: Final = "source"
OWN: Final = "own"
MATCHED: Final = "size-matched"

EQUAL_STEPS: Final[Changes] = {"loop.batches_per_epoch": 500, "loop.max_epochs": 60, "loop.patience": 60}
"""30,000 steps of the optimizer in every cell, three cycles of the published schedule: no set of scenes is trained
longer because it has more patches, or because its val scenes let it go on."""


def trained_on(field: Literal["season", "location", "cryoseason"], values: Sequence[str]) -> dict[str, Changes]:
    """One set for each value: the training scenes that have it."""
    return {value: {f"data.train.{field}": value} for value in values}


CRYO_SETS: Final[Mapping[str, Changes]] = {
    **trained_on("cryoseason", CRYOSEASONS),
    "both": {"data.train.cryoseason": "known"},
}
"""Melt, freeze, and all scenes that have either (IceBench calls the last `TwoSeasons`)."""

CONTROLS: Final[Mapping[str, Axis]] = {
    SELECTION: {SOURCE: {"data.selection": "source"}, "all": {}},
    SCENES: {OWN: {}, MATCHED: {"data.size_matched": True}},
}
"""Beside every set: the epoch chosen and channels normalized as in the published study, and as many scenes of all."""


def against_controls(
    axes: Sequence[str], cells: Sequence[tuple[str, ...]]
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Each cell of an own set with its size-matched control, of those cells that are there."""
    place = axes.index(SCENES)
    twins = {cell: (*cell[:place], MATCHED, *cell[place + 1 :]) for cell in cells if cell[place] == OWN}
    return [pair for pair in twins.items() if pair[1] in cells]


def controls_of(axes: Mapping[str, Axis]) -> tuple[Together, ...]:
    """Which cells of these axes and `CONTROLS` there are: controls go with `source`, and all scenes need none.

    Where every axis says `all`, selecting by the source is selecting by all.
    """
    everything = {axis: "all" for axis in axes}
    found = [Together(labels={SELECTION: "all", SCENES: MATCHED})]
    if all("all" in values for values in axes.values()):
        found += [
            Together(labels={**everything, SCENES: MATCHED}),
            Together(labels={**everything, SELECTION: SOURCE}),
        ]
    return tuple(found)
