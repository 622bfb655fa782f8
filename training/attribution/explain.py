"""One method on one batch: from what was read to what was found, by scene."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import nn

from datasets.loading.batches import Batch, Window
from training.attribution.ablation import FeatureAblation
from training.attribution.assigned import AssignedPatches, PatchAttributions, assign
from training.attribution.baselines import draws_of
from training.attribution.deeplift import DeepLiftExplainer
from training.attribution.features import Features
from training.attribution.gradients import GradientShap, IntegratedGradients
from training.attribution.settings import AttributionSettings
from training.attribution.sums import AttributionSums
from training.attribution.windows import COUNTED
from training.data.network_inputs import NetworkInputs
from training.evaluation.predict import outputs_of
from training.models.heads import Head


class Explainer(Protocol):
    """One method, for one network."""

    def __call__(self, patches: AssignedPatches) -> PatchAttributions:
        """Explains patches."""


def explainer(
    settings: AttributionSettings, model: nn.Module, head: Head, features: Features, bank: torch.Tensor, *, name: str
) -> Explainer:
    """The method of the settings, for a network in eval mode with frozen weights; raises AttributionError."""
    sums = features.sums_over_channels()
    match settings.method:
        case "integrated_gradients":
            return IntegratedGradients(model, head, sums, bank, steps=settings.steps)
        case "gradient_shap":
            return GradientShap(model, head, sums, bank, samples=settings.samples)
        case "feature_ablation":
            return FeatureAblation(model, head, features, bank)
        case "deeplift" | "deeplift_shap":
            return DeepLiftExplainer(model, head, sums, bank, shap=settings.method == "deeplift_shap", name=name)


def to_explain(
    model: nn.Module,
    head: Head,
    inputs: NetworkInputs,
    batch: Batch,
    classes: tuple[int, ...],
    seed: int,
    *,
    at_once: int,
) -> tuple[AssignedPatches, list[Window]]:
    """Patches of a batch that hold something to explain, with what the network says of them now.

    Args:
        model: On the device of the inputs.
        head: The chart.
        inputs: Assemble the batch.
        batch: With the flags of `FlaggedWindows` as labels.
        classes: That are explained.
        seed: Of the draws.
        at_once: Patches in a forward pass.
    """
    batch = batch.to(inputs.device)
    x, flags = inputs.assemble(batch), batch.y[:, 0]
    wanted = flags == COUNTED
    outputs = [head.of(outputs_of(model, x[start : start + at_once])) for start in range(0, len(x), at_once)]
    logits = torch.cat(outputs)
    if logits.ndim == 2:  # a patch is explained as a whole
        wanted = wanted.flatten(1).any(dim=1)
    assigned = assign(logits, head, wanted, classes)
    rows = torch.nonzero((assigned >= 0).flatten(1).any(dim=1) if assigned.ndim > 1 else assigned >= 0)[:, 0]
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
