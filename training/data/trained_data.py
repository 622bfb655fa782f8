"""A checkpoint and the lake it was trained on: the data that its network is to see."""

import torch

from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from training.data.trial_data import TrialData
from training.data.trial_scenes import bind, select_scenes
from training.loop.checkpoint import Checkpoint
from training.loop.processes import Processes


def trained_data(trained: Checkpoint, lake: Lake, cache: NodeCache | None, device: torch.device) -> TrialData:
    """The data of a finished trial, normalized as its network has learned to see it.

    Args:
        trained: The network.
        lake: That it was trained on.
        cache: Decoded arrays of this node; None reads from the lake.
        device: Where the network computes.

    Raises:
        SpecError: The lake is another one, or lacks a ratio or channel.
        SplitError: A split has no scene with a label.
    """
    spec = bind(trained.spec, lake)
    return TrialData(
        spec=spec,
        lake=lake,
        scenes=select_scenes(spec, lake),
        normalization=trained.normalization,
        device=device,
        processes=Processes(),
        cache=cache,
        workers=0,
    )
