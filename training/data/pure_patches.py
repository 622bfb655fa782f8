"""Pure patches (one class in all of the window): those that a patch-based trial trains on, and is scored on.

Small ones are what a pixel-based trial draws its crops around, where it draws every class equally often.
"""

from typing import Final

from datasets.catalog import Catalog
from datasets.errors import SplitError
from datasets.patches.class_anchors import ClassAnchors
from datasets.patches.index_build import build_index
from datasets.patches.patch_index import PatchIndex
from datasets.patches.patch_rules import PatchRule
from training.data.trial_data import TrialData
from training.spec import DataSpec

_ANCHOR: Final = 8
"""How many squares of one class are along a crop that is drawn around one of them."""


def training_patches(data: TrialData, seed: int) -> PatchIndex:
    """The patches to train on: by all rules of the spec, at most `max_patches` that are drawn with the seed.

    Raises:
        SplitError: No window of the training scenes is a patch.
    """
    index = _index(data, data.scenes.train, data.spec.data)
    most = data.spec.data.max_patches
    return index if most is None or most >= len(index) else index.prefix(most, seed)


def scored_patches(data: TrialData, scenes: Catalog) -> PatchIndex | None:
    """The patches to score of some scenes; None for a pixel-based trial, which is scored on whole scenes.

    The rules of border and land are for training patches only, so trials with other rules are scored on the same ones.

    Raises:
        SplitError: The scenes have no such patch.
    """
    if data.spec.data.task == "pixel":
        return None
    return _index(data, scenes, data.spec.data.model_copy(update={"border_distance": 0.0, "max_land": 1.0}))


def class_anchors(data: TrialData) -> ClassAnchors:
    """Where the training scenes have which class of the first chart, for the crops of a pixel-based trial.

    Raises:
        SplitError: The scenes have no square of one class.
    """
    spec = data.spec.data
    side = max(spec.patch_size // _ANCHOR, 1)
    rules = spec.model_copy(update={"patch_size": side, "stride": side, "stride_m": None, "max_land": 1.0})
    try:
        return ClassAnchors(_index(data, data.scenes.train, rules))
    except SplitError as error:
        raise SplitError(
            f"data.balanced draws crops around squares of {side} pixels with one class, and the training scenes have "
            f"none ({error}): choose a smaller data.patch_size or data.border_distance, or leave data.balanced out"
        ) from error


def _index(data: TrialData, scenes: Catalog, rules: DataSpec) -> PatchIndex:
    rule = PatchRule(
        ratio=rules.ratio,
        target=rules.primary,
        patch_size=rules.patch_size,
        stride=rules.window_stride,
        border_distance=rules.border_distance,
        max_land=rules.max_land,
    )
    return build_index(data.lake, scenes, rule, folder=data.index_folder)
