"""Integrated Gradients, Gradient SHAP and feature ablation for all classes at once; tests hold them against captum's.

captum explains one target per call, and so would pass every point forward again for every class; its ablation keeps a
map of the input's size for every class. Points and weights of Integrated Gradients are captum's.

Shapes: B patches, C channels, P side, T turns (`training.attribution.assigned.turns`).
"""

import torch
from captum.attr._utils.approximation_methods import approximation_parameters

from training.attribution.assigned import (
    AssignedPatches,
    ClassGradients,
    ExplainedNetwork,
    PatchAttributions,
    from_pixels,
)
from training.attribution.baselines import draw


def integrated_gradients(network: ExplainedNetwork, patches: AssignedPatches, *, steps: int) -> PatchAttributions:
    """Sundararajan et al. 2017 (arXiv:1703.01365): the gradient's mean on the straight way from baseline to input.

    Every patch gets one baseline. It takes `steps` + 1 forward passes, and `steps` backward passes per turn.
    """
    weights_of, points_of = approximation_parameters("gausslegendre")
    baseline = patches.against(network.bank[draw(patches.draws, network.bank)[0][0]])
    gradients = ClassGradients(network.model, network.head, patches)
    total_TBCPP = patches.x.new_zeros(len(gradients.turns), *patches.x.shape)
    for weight, point in zip(weights_of(steps), points_of(steps), strict=True):
        for place, gradient in enumerate(gradients.at(torch.lerp(baseline, patches.x, point))):
            total_TBCPP[place].add_(gradient, alpha=weight)
    total_TBCPP *= patches.x - baseline
    scores = patches.scores(network.logits(baseline))
    return from_pixels(patches, gradients.turns, total_TBCPP, network.features, scores)


def gradient_shap(network: ExplainedNetwork, patches: AssignedPatches, *, samples: int) -> PatchAttributions:
    """Lundberg and Lee 2017, as expected gradients: the gradient at random points on the way from random baselines.

    Where captum draws from NumPy's global state, draws here follow from the place of the patch. No noise is added to
    inputs (captum's `stdevs` of 0). It takes two forward passes and a backward pass per turn for every sample.
    """
    gradients = ClassGradients(network.model, network.head, patches)
    total_TBCPP = patches.x.new_zeros(len(gradients.turns), *patches.x.shape)
    scores = torch.zeros(len(patches), patches.n_classes, dtype=torch.float64, device=patches.x.device)
    for places_B, shares_B in zip(*draw(patches.draws, network.bank, samples), strict=True):
        baseline = patches.against(network.bank[places_B])
        difference = patches.x - baseline
        at = baseline + shares_B[:, None, None, None] * difference
        for place, gradient in enumerate(gradients.at(at)):
            total_TBCPP[place].addcmul_(gradient, difference, value=1 / samples)
        scores += patches.scores(network.logits(baseline)) / samples
    return from_pixels(patches, gradients.turns, total_TBCPP, network.features, scores)


def feature_ablation(network: ExplainedNetwork, patches: AssignedPatches) -> PatchAttributions:
    """What the class's logit loses when a channel, or a group together, is replaced by that of the baseline.

    Absolute attributions are those of every output pixel (the other methods: of every input pixel). It takes a forward
    pass per channel, and one for every group of several channels.
    """
    features, places = network.features, draw(patches.draws, network.bank)[0][0]
    baseline = patches.against(network.bank[places])
    clean = patches.of_assigned(patches.logits)
    x = patches.x.clone()  # one copy for all channels: each is put back after its turn
    signed: list[torch.Tensor] = []
    absolute: list[torch.Tensor] = []
    for place in range(len(features)):
        members = list(features.members(place))
        if place >= len(features.channels) and len(members) == 1:  # a group of one channel is that channel
            alone = features.channels.index(features.inputs[members[0]])
            signed.append(signed[alone])
            absolute.append(absolute[alone])
            continue
        x[:, members] = baseline[:, members]
        lost = clean - patches.of_assigned(network.logits(x))
        x[:, members] = patches.x[:, members]
        signed.append(patches.by_class(lost).cpu())
        absolute.append(patches.by_class(lost.abs()).cpu())
    return PatchAttributions(
        signed=torch.stack(signed, dim=-1).numpy(),
        absolute=torch.stack(absolute, dim=-1).numpy(),
        counts=patches.counts.cpu().numpy(),
        change=None,
    )
