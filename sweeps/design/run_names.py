"""Short names of trials for MLflow, whose tables cut them after some 30 letters: what differs stands first. Pure."""

from collections.abc import Mapping
from typing import Final

from sweeps.design.axes import FACTOR, RECIPE, VALUE, is_number
from sweeps.design.experiment import SEED, TASK
from sweeps.design.scene_sets import OWN, SCENES, SELECTION, SOURCE

_AXES: Final[Mapping[str, str]] = {
    "data.ratio": "r",
    "data.patch_size": "p",
    "optimizer.lr": "lr ",
    "optimizer.name": "optimizer ",
    "loop.batch_size": "batch ",
    "model.name": "",
    "border distance": "border ",
    "widths": "widths ",
    "selection": "sel ",
    "scenes": "",
}
"""What stands before a value, where that is not the last word of the axis."""
_VALUES: Final[Mapping[str, str]] = {
    "integrated_gradients": "int_grad",
    "feature_ablation": "ablation",
    "gradient_shap": "grad_shap",
    "deeplift_shap": "dl_shap",
    "scene_average": "by scene",
    "size-matched": "matched",
}
_UNSAID: Final = frozenset({(SELECTION, SOURCE), (SCENES, OWN)})
"""Values that most trials have."""
_BARE: Final = frozenset({"base", "none", "true", "false"})
"""Values that say nothing without their axis."""


def run_name(labels: Mapping[str, str]) -> str:
    """Name of a trial from its place in the study: `r10 pixel s2`, `lr 0.01 patch s0`."""
    name = cell_name(labels)
    return f"{name} s{labels[SEED]}" if SEED in labels else name


def cell_name(labels: Mapping[str, str]) -> str:
    """As `run_name`, without the seed: `r10 pixel`; axis -> value as text, where empty values are left out."""
    factor = labels.get(FACTOR, "")
    words = []
    for axis, value in labels.items():
        if axis in (TASK, SEED, FACTOR) or not value or (axis, value) in _UNSAID:
            continue
        words.append(_word(factor if axis == VALUE and factor else axis, value))
    return " ".join([*words, *filter(None, [labels.get(TASK, "")])])


def _word(axis: str, value: str) -> str:
    if axis == value:  # the trial without a change
        return value
    short = _unlike_the_task(_VALUES.get(value, value).replace(" + ", "+"))
    if axis in _AXES:
        return f"{_AXES[axis]}{short}"
    speaks = value not in _BARE and not is_number(value) and not axis.startswith(RECIPE)
    return short if speaks else f"{axis.rpartition('.')[2].replace('_', ' ')} {short}"


def _unlike_the_task(value: str) -> str:
    """`equal pixels` -> `equal px`, `500 patches` -> `n=500`: the task stands behind it, as pixel or patch."""
    count = value.removesuffix(" patches")
    return f"n={count}" if count != value else value.replace("pixels", "px")
