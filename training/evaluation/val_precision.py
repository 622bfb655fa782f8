"""`loop.val_precision`: the type in which val scenes are scored after an epoch, where the scores only choose it."""

import torch
from torch import nn

from training.loop.precision import layout_of, mixed_precision, precision_of
from training.models.floors import PREFIX
from training.spec import TrialSpec


def val_precision_of(spec: TrialSpec, device: torch.device) -> torch.dtype:
    """That of the training where the spec asks for it, else float32; a floor computes in float32."""
    lower = spec.loop.val_precision == "training" and not spec.model.name.startswith(PREFIX)
    return precision_of(spec.loop, device) if lower else torch.float32


def dtype_name(precision: torch.dtype) -> str:
    """`bfloat16`."""
    return str(precision).removeprefix("torch.")


class InPrecision(nn.Module):
    """A network as it computes while it trains: under autocast, in the layout of the device; it gives float32."""

    def __init__(self, network: nn.Module, precision: torch.dtype) -> None:
        super().__init__()
        self.network = network
        self.precision = precision

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        """What the network gives, as float32."""
        with mixed_precision(self.precision, x_BCHW.device):
            outputs: torch.Tensor = self.network(x_BCHW.contiguous(memory_format=layout_of(x_BCHW.device)))
        return outputs.float()
