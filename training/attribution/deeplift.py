"""DeepLIFT and DeepLIFT SHAP by captum, on a copy of the network that they can handle.

Shapes: B patches, C channels, P side, K classes, N baselines.
"""

import warnings
from dataclasses import replace

import numpy as np
import torch
from captum.attr import DeepLift, DeepLiftShap
from torch import nn

from training.attribution.assigned import AssignedPatches, ExplainedNetwork, PatchAttributions, from_pixels, turns
from training.attribution.baselines import draw
from training.attribution.layers import Survey, survey, used_once
from training.attribution.settings import AttributionError
from training.models.heads import Head

_NAMED = 4
"""Layers that the error names; the rest is counted."""


class DeepLiftExplainer:
    """Shrikumar et al. 2017 (arXiv:1704.02685), rescale rule; with `shap` DeepLIFT SHAP, the mean of all baselines.

    Patches are explained one by one: captum's rule for pooling gives a patch of a batch gradients of the first patch
    where input and baseline agree. Each class is a pass of its own. The network is copied and stays as it is.

    Raises:
        AttributionError: The network has nonlinear steps that DeepLIFT has no rule for; they are named.
    """

    def __init__(self, network: ExplainedNetwork, *, shap: bool) -> None:
        found = survey(network.model, network.bank[:1])
        refuse_foreign(found, network.name)
        self._network = replace(network, model=used_once(network.model, found.calls))
        self._scores = _Scores(self._network.model, network.head)
        self._shap = shap

    def __call__(self, patches: AssignedPatches) -> PatchAttributions:
        """Explains patches one after the other."""
        found = [self._one(patches.part(slice(row, row + 1))) for row in range(len(patches))]
        return PatchAttributions(
            **{name: np.concatenate([vars(each)[name] for each in found]) for name in vars(found[0])}
        )

    def _one(self, patch: AssignedPatches) -> PatchAttributions:
        bank = self._network.bank
        if not self._shap:
            places, _ = draw(patch.draws, bank)
            bank = bank[places[0]]
        baseline_NCPP = torch.where(patch.valid[:, None], bank, patch.x)
        method = DeepLiftShap(self._scores) if len(bank) > 1 else DeepLift(self._scores)
        turns_T1 = turns(patch.counts)
        attributions = []
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"Setting forward, backward hooks", category=UserWarning)
            for turn in turns_T1[:, 0].tolist():
                own = method.attribute(
                    patch.x.detach().requires_grad_(),
                    baselines=baseline_NCPP.detach().requires_grad_(),
                    target=turn,
                    additional_forward_args=(patch.assigned,),
                )
                attributions.append(own.detach())
        scores_NK = torch.stack([patch.scores(self._network.logits(one[None]))[0] for one in baseline_NCPP])
        scores_1K = scores_NK.mean(dim=0, keepdim=True)
        return from_pixels(patch, turns_T1, torch.stack(attributions), self._network.features, scores_1K)


def refuse_foreign(found: Survey, name: str) -> None:
    """Raises AttributionError where a network has nonlinear steps that DeepLIFT has no rule for."""
    if found.foreign:
        named = ", ".join(found.foreign[:_NAMED])
        more = f" and {len(found.foreign) - _NAMED} more" if len(found.foreign) > _NAMED else ""
        raise AttributionError(
            f"DeepLIFT has no rule for {named}{more} of {name!r}: it handles ReLU, LeakyReLU, ELU, Sigmoid, Tanh, "
            "Softplus and max pooling as layers, and what is linear; use integrated_gradients, which takes any network"
        )


class _Scores(nn.Module):
    """What is explained as one number per class, (B, C, P, P) and classes (B, P, P) or (B,) -> (B, K)."""

    def __init__(self, network: nn.Module, head: Head) -> None:
        super().__init__()
        self.network = network
        self._head = head

    def forward(self, x_BCPP: torch.Tensor, assigned: torch.Tensor) -> torch.Tensor:
        """Sums of logits, linear in the outputs of the network."""
        own = self._head.of(self.network(x_BCPP))
        classes = torch.arange(own.shape[1], device=own.device).reshape(1, -1, *[1] * (own.ndim - 2))
        explained = own * (assigned[:, None] == classes)
        return explained.reshape(*own.shape[:2], -1).sum(dim=2)
