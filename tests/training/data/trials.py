"""Trials whose data the tests of this room look at."""

import torch

from datasets.lake import Lake
from training.data.trial_data import TrialData
from training.spec import TrialSpec


def data_of(lake: Lake, spec: TrialSpec) -> TrialData:
    return TrialData.of(spec, lake, torch.device("cpu"), cache=None)


def patches_of(spec: TrialSpec, **changes: object) -> TrialSpec:
    """A patch-based trial whose classes have other shares among patches than among pixels."""
    patches = {"data.task": "patch", "data.ratio": 2, "data.patch_size": 24, "data.stride": 12}
    return spec.with_all({**patches, "model": {"name": "cnn"}, "loss.class_weights": "balanced", **changes})
