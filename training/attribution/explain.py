"""One method on one batch: from what was read to what was found, by scene."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch

from datasets.loading.batch import Batch, Window
from training.attribution.ablation import feature_ablation
from training.attribution.assigned import AssignedPatches, ExplainedNetwork, PatchAttributions, assign
from training.attribution.baselines import draws_of
from training.attribution.deeplift import DeepLiftExplainer
from training.attribution.gradients import gradient_shap, integrated_gradients
from training.attribution.settings import AttributionSettings
from training.attribution.sums import AttributionSums
from training.attribution.windows import COUNTED
from training.data.network_inputs import NetworkInputs

Explainer = Callable[[AssignedPatches], PatchAttributions]
"""One method, for one network."""


def explainer(settings: AttributionSettings, network: ExplainedNetwork) -> Explainer:
    """The method of the settings for a network; raises AttributionError where it cannot handle it."""
    match settings.method:
        case "integrated_gradients":
            return partial(integrated_gradients, network, steps=settings.steps)
        case "gradient_shap":
            return partial(gradient_shap, network, samples=settings.samples)
        case "feature_ablation":
            return partial(feature_ablation, network)
        case "deeplift" | "deeplift_shap":
            return DeepLiftExplainer(network, shap=settings.method == "deeplift_shap")


def to_explain(
    network: ExplainedNetwork,
    inputs: NetworkInputs,
    batch: Batch,
    classes: tuple[int, ...],
    seed: int,
    *,
    at_once: int,
) -> tuple[AssignedPatches, list[Window]]:
    """Patches of a batch that hold something to explain, with what the network says of them now.

    The labels of the batch are the flags of `FlaggedWindows`; `at_once` patches are in a forward pass.
    """
    batch = batch.to(inputs.device)
    x, flags = inputs.assemble(batch), batch.y[:, 0]
    wanted = flags == COUNTED
    logits = torch.cat([network.logits(x[start : start + at_once]) for start in range(0, len(x), at_once)])
    if logits.ndim == 2:  # a patch is explained as a whole
        wanted = wanted.flatten(1).any(dim=1)
    assigned = assign(logits, network.head, wanted, classes)
    rows = torch.nonzero((assigned >= 0).reshape(len(x), -1).any(dim=1))[:, 0]
    windows = [batch.windows[row] for row in rows.tolist()]
    patches = AssignedPatches(
        x=x[rows],
        valid=flags[rows] <= COUNTED,
        assigned=assigned[rows],
        logits=logits[rows],
        draws=draws_of(windows, seed),
    )
    return patches, windows


def sums_by_scene(found: PatchAttributions, windows: Sequence[Window], channels: int) -> dict[str, AttributionSums]:
    """Adds up what was found for patches, scene by scene; `channels` are the first of the features."""
    change = found.change if found.change is not None else np.zeros(found.counts.shape)
    error = np.abs(found.signed[:, :, :channels].sum(axis=2) - change)
    sums = {}
    for scene_id in dict.fromkeys(window.scene_id for window in windows):
        rows = [place for place, window in enumerate(windows) if window.scene_id == scene_id]
        sums[scene_id] = AttributionSums(
            signed=found.signed[rows].sum(axis=0),
            absolute=found.absolute[rows].sum(axis=0),
            n=found.counts[rows].sum(axis=0),
            patches=(found.counts[rows] > 0).sum(axis=0),
            change=change[rows].sum(axis=0),
            change_size=np.abs(change[rows]).sum(axis=0),
            error=error[rows].sum(axis=0),
        )
    return sums
