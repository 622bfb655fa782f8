"""Channels that are the components of a vector, such as wind: their values turn with the patch that is turned.

Suffixes: N patches, H lines, W samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from datasets.loading.normalize import Normalization
from training.loop.machine import sent


@dataclass(frozen=True, kw_only=True)
class VectorChannels:
    """Two normalized channels that form a vector field in physical units, so their values turn with the patch.

    Attributes:
        u: Index of the component along the samples, positive towards higher ones.
        v: Index of the component along the lines, positive towards higher ones.
        mean: Of u and v, as they were normalized; `std` likewise.
    """

    u: int
    v: int
    mean: tuple[float, float]
    std: tuple[float, float]

    @classmethod
    def wind(cls, normalization: Normalization) -> "tuple[VectorChannels, ...]":
        """The 10 m wind, as often as both of its components are among the channels."""
        us, vs = (
            [place for place, own in enumerate(normalization.channels) if own == name]
            for name in ("u10m_rotated", "v10m_rotated")
        )
        mean, std = normalization.mean, normalization.std
        return tuple(cls(u=u, v=v, mean=(mean[u], mean[v]), std=(std[u], std[v])) for u, v in zip(us, vs, strict=False))


def turn_vectors(x_NCHW: Tensor, turn_N22: Tensor, vectors: Sequence[VectorChannels]) -> None:
    """Turns vector values with their patch, in place; where both components are 0 (no data), they stay 0."""
    for vector in vectors:
        mean_2, std_2 = (torch.tensor(values, dtype=torch.float64) for values in (vector.mean, vector.std))
        # Back to m/s, the transpose of a turn is its inverse, and normalized again: a product and a shift.
        back_N22 = turn_N22.transpose(1, 2)
        product_N22 = back_N22 * std_2 / std_2[:, None]
        shift_N2 = ((back_N22 @ mean_2) - mean_2) / std_2
        product, shift = (sent(each.float(), x_NCHW.device)[..., None, None] for each in (product_N22, shift_N2))
        u_NHW, v_NHW = x_NCHW[:, vector.u].clone(), x_NCHW[:, vector.v].clone()
        known_NHW = (u_NHW != 0) | (v_NHW != 0)
        for row, channel in enumerate((vector.u, vector.v)):
            turned_NHW = product[:, row, 0] * u_NHW + product[:, row, 1] * v_NHW + shift[:, row]
            x_NCHW[:, channel] = torch.where(known_NHW, turned_NHW, 0.0)
