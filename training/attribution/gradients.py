"""Integrated Gradients and Gradient SHAP for all classes at once: a forward pass a point, a backward pass a class.

captum explains one target a call, and so would pass every point forward again for every class. Points and weights of
Integrated Gradients are captum's, and tests hold both methods against captum's own.

Shapes: B patches, C channels, P side, T turns (`training.attribution.assigned.turns`).
"""

import numpy as np
import torch
from captum.attr._utils.approximation_methods import approximation_parameters
from numpy.typing import NDArray
from torch import nn

from training.attribution.assigned import AssignedPatches, ClassGradients, PatchAttributions, from_pixels
from training.attribution.baselines import draw
from training.evaluation.predict import outputs_of
from training.models.heads import Head


class IntegratedGradients:
    """Sundararajan et al. 2017 (arXiv:1703.01365): the gradient's mean on the straight way from baseline to input.

    Args:
        model: The network, its weights frozen.
        head: The chart.
        sums_CF: `Features.sums_over_channels`.
        bank: Baselines (N, C, P, P); every patch gets one.
        steps: Points on the way.
    """

    def __init__(
        self, model: nn.Module, head: Head, sums_CF: NDArray[np.float64], bank: torch.Tensor, *, steps: int
    ) -> None:
        self._model, self._head, self._sums, self._bank = model, head, sums_CF, bank
        weights_of, points_of = approximation_parameters("gausslegendre")
        self._points = list(zip(weights_of(steps), points_of(steps), strict=True))

    def __call__(self, patches: AssignedPatches) -> PatchAttributions:
        """Explains patches; `steps` + 1 forward passes, `steps` backward passes a turn."""
        places, _ = draw(patches.draws, self._bank)
        baseline = patches.against(self._bank[places[0]])
        gradients = ClassGradients(self._model, self._head, patches)
        total_TBCPP = patches.x.new_zeros(len(gradients.turns), *patches.x.shape)
        for weight, point in self._points:
            for place, gradient in enumerate(gradients.at(torch.lerp(baseline, patches.x, point))):
                total_TBCPP[place].add_(gradient, alpha=weight)
        total_TBCPP *= patches.x - baseline
        scores = patches.scores(self._head.of(outputs_of(self._model, baseline)))
        return from_pixels(patches, gradients.turns, total_TBCPP, self._sums, scores)


class GradientShap:
    """Lundberg and Lee 2017, as expected gradients: the gradient at random points on the way from random baselines.

    Where captum draws from NumPy's global state, draws here follow from the place of the patch. No noise is added to
    inputs (captum's `stdevs` of 0).

    Args:
        model: The network, its weights frozen.
        head: The chart.
        sums_CF: `Features.sums_over_channels`.
        bank: Baselines (N, C, P, P).
        samples: Points for every patch.
    """

    def __init__(
        self, model: nn.Module, head: Head, sums_CF: NDArray[np.float64], bank: torch.Tensor, *, samples: int
    ) -> None:
        self._model, self._head, self._sums, self._bank = model, head, sums_CF, bank
        self._samples = samples

    def __call__(self, patches: AssignedPatches) -> PatchAttributions:
        """Explains patches; two forward passes and a backward pass a turn for every sample."""
        gradients = ClassGradients(self._model, self._head, patches)
        total_TBCPP = patches.x.new_zeros(len(gradients.turns), *patches.x.shape)
        scores = torch.zeros(len(patches), patches.n_classes, dtype=torch.float64, device=patches.x.device)
        places, shares = draw(patches.draws, self._bank, self._samples)
        for places_B, shares_B in zip(places, shares, strict=True):
            baseline = patches.against(self._bank[places_B])
            difference = patches.x - baseline
            at = baseline + shares_B[:, None, None, None] * difference
            for place, gradient in enumerate(gradients.at(at)):
                total_TBCPP[place].addcmul_(gradient, difference, value=1 / self._samples)
            scores += patches.scores(self._head.of(outputs_of(self._model, baseline))) / self._samples
        return from_pixels(patches, gradients.turns, total_TBCPP, self._sums, scores)
