"""Feature ablation for all classes at once: one forward pass per channel, whatever the number of classes.

captum's FeatureAblation keeps a map of the input's size for every class and cannot give absolute values of single
pixels; a test holds this one against it.
"""

import torch

from training.attribution.assigned import AssignedPatches, ExplainedNetwork, PatchAttributions
from training.attribution.baselines import draw


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
