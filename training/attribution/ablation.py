"""Feature ablation for all classes at once: one forward pass a channel, whatever the number of classes.

captum's FeatureAblation keeps a map of the input's size for every class and cannot give absolute values of single
pixels; a test holds this one against it.
"""

import numpy as np
import torch
from torch import nn

from training.attribution.assigned import AssignedPatches, PatchAttributions
from training.attribution.baselines import draw
from training.attribution.features import Features
from training.evaluation.predict import outputs_of
from training.models.heads import Head


class FeatureAblation:
    """What the class's logit loses when a channel, or a group together, is replaced by that of the baseline.

    Absolute attributions are those of every output pixel (the other methods: of every input pixel).

    Args:
        model: The network.
        head: The chart.
        features: What is replaced together.
        bank: Baselines (N, C, P, P); every patch gets one.
    """

    def __init__(self, model: nn.Module, head: Head, features: Features, bank: torch.Tensor) -> None:
        self._model, self._head, self._features, self._bank = model, head, features, bank

    def __call__(self, patches: AssignedPatches) -> PatchAttributions:
        """Explains patches; a forward pass a channel, and one for every group of several channels."""
        places, _ = draw(patches.draws, self._bank)
        baseline = patches.against(self._bank[places[0]])
        clean = patches.logits.gather(1, patches.assigned.clamp(min=0)[:, None])[:, 0]
        x = patches.x.clone()  # one copy for all channels: each is put back after its turn
        signed: list[np.ndarray] = []
        absolute: list[np.ndarray] = []
        for place in range(len(self._features)):
            members = list(self._features.members(place))
            if place >= len(self._features.channels) and len(members) == 1:  # a group of one channel is that channel
                signed.append(signed[members[0]])
                absolute.append(absolute[members[0]])
                continue
            x[:, members] = baseline[:, members]
            logits = self._head.of(outputs_of(self._model, x))
            x[:, members] = patches.x[:, members]
            lost = clean - logits.gather(1, patches.assigned.clamp(min=0)[:, None])[:, 0]
            signed.append(patches.by_class(lost).cpu().numpy())
            absolute.append(patches.by_class(lost.abs()).cpu().numpy())
        return PatchAttributions(
            signed=np.stack(signed, axis=-1),
            absolute=np.stack(absolute, axis=-1),
            counts=patches.counts.cpu().numpy(),
            change=None,
        )
