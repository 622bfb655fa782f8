"""Tie points around patches of `ResidentScenes`, gathered on their device: what `read_batch` takes from `TieGrid`.

Shapes: N patches, H lines and W samples of each, T fields, S scenes; n and m tie points around a patch.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from datasets.loading.places import Places
from datasets.loading.resident import ResidentScenes
from datasets.tie_grid import LONGITUDE


@dataclass(frozen=True, kw_only=True)
class GatheredTies:
    """Tie points of many patches; patches with fewer have some of no weight.

    Attributes:
        nodes: (N, T, n, m) float32 degrees.
        lines: (N, H, n) float32 weights of the nodes for each line; `samples` likewise.
        counts: (N, 2) how many each patch has of n and m.
    """

    nodes: torch.Tensor
    lines: torch.Tensor
    samples: torch.Tensor
    counts: NDArray[np.int64]

    def of(self, rows: slice) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Nodes and weights of some patches, with as many tie points as one of them has."""
        n, m = self.counts[rows].max(axis=0)
        # Contiguous as those of a loader, so that the same kernel adds them up in the same order.
        return (
            self.nodes[rows, :, :n, :m].contiguous(),
            self.lines[rows, :, :n].contiguous(),
            self.samples[rows, :, :m].contiguous(),
        )


def gather_ties(scenes: ResidentScenes, places: Places) -> GatheredTies:
    """The tie points around patches, for the channels that follow from them."""
    names, many = scenes.reader.tie_channels, len(places.scene)
    if not names:
        empty = torch.empty(0, device=scenes.device)
        height, width = places.shape
        return GatheredTies(
            nodes=empty.new_empty(many, 0, 0, 0),
            lines=empty.new_empty(many, height, 0),
            samples=empty.new_empty(many, width, 0),
            counts=np.zeros((many, 2), np.int64),
        )
    scene, kept = torch.from_numpy(places.scene).to(scenes.device), places.inside(scenes)
    firsts, weights, counts = [], [], []
    for axis, start in enumerate((places.line, places.sample)):
        begin = scenes.first_tie[axis][places.scene] + start
        last = begin + kept[:, axis] - 1
        first_N = np.floor(scenes.host_ties[axis][begin]).astype(np.int64)
        count_N = np.ceil(scenes.host_ties[axis][last]).astype(np.int64) - first_N + 1
        pixels_NH = np.minimum(begin[:, None] + np.arange(places.shape[axis]), last[:, None])
        first, count, pixels, ends = (
            torch.from_numpy(each).to(scenes.device) for each in (first_N, count_N, pixels_NH, kept[:, axis])
        )
        nodes_Nn = first[:, None] + torch.arange(int(count_N.max()), device=scenes.device)
        weight_NHn = 1 - (scenes.ties[axis][pixels][..., None] - nodes_Nn[:, None]).abs()
        beyond_NH = torch.arange(places.shape[axis], device=scenes.device) >= ends[:, None]
        weights.append(weight_NHn.clamp(min=0).masked_fill(beyond_NH[..., None], 0.0).float())
        own_Nn = torch.arange(int(count_N.max()), device=scenes.device) < count[:, None]
        firsts.append((nodes_Nn.clamp(max=scenes.nodes.shape[2 + axis] - 1), own_Nn))
        counts.append(count_N)
    (rows_Nn, own_Nn), (columns_Nm, own_Nm) = firsts
    own_Nnm = own_Nn[:, :, None] & own_Nm[:, None]
    nodes_NnmT = scenes.nodes.movedim(1, -1)[scene[:, None, None], rows_Nn[:, :, None], columns_Nm[:, None]]
    nodes_NTnm = nodes_NnmT.movedim(-1, 1).masked_fill(~own_Nnm[:, None], 0.0)
    if LONGITUDE in names:
        place = names.index(LONGITUDE)
        mean_N = nodes_NTnm[:, place].sum(dim=(1, 2)) / own_Nnm.sum(dim=(1, 2))
        turns_N = 360.0 * torch.floor((mean_N + 180.0) / 360.0)
        nodes_NTnm[:, place] -= turns_N[:, None, None] * own_Nnm
    return GatheredTies(nodes=nodes_NTnm.float(), lines=weights[0], samples=weights[1], counts=np.stack(counts, axis=1))
