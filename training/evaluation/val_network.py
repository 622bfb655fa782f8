"""`loop.val_precision: training`: the network that val scenes are given after an epoch, only to choose the epoch."""

import logging

import torch
from torch import nn

from training.loop.precision import layout_of, mixed_precision, precision_of
from training.models import build_network
from training.models.floors import PREFIX
from training.models.folding import foldable, folded
from training.spec import TrialSpec

logger = logging.getLogger(__name__)


class ValNetwork:
    """Makes copies of a network in training that compute as fast as it trains; see `training.models.folding`.

    It has a network of its own, so that whatever a training leaves in its network is neither copied nor changed.

    Raises:
        RuntimeError: Of a GPU without memory for it.
    """

    def __init__(self, spec: TrialSpec, device: torch.device) -> None:
        with torch.random.fork_rng(devices=[]):  # weights that are drawn here are not used
            model = build_network(spec.with_("model.pretrained", None))
        self._model = model.to(device, memory_format=layout_of(device))  # type: ignore[call-overload]
        size = spec.data.patch_size
        self._pairs = foldable(self._model, torch.zeros(2, len(spec.inputs), size, size, device=device))
        self._precision = precision_of(spec.loop, device)
        logger.info(
            "val scores after epochs are taken in %s, with %d batch norms folded into convolutions",
            dtype_name(self._precision),
            len(self._pairs),
        )

    def of(self, network: nn.Module) -> nn.Module:
        """A copy with the weights of the network as they are now; it takes and gives float32."""
        self._model.load_state_dict(network.state_dict())
        return _InPrecision(folded(self._model, self._pairs), self._precision)


def val_precision(spec: TrialSpec, device: torch.device) -> str:
    """Name of the type in which the val scores after epochs are taken; a floor has one epoch, and float32."""
    lower = spec.loop.val_precision == "training" and not spec.model.name.startswith(PREFIX)
    return dtype_name(precision_of(spec.loop, device) if lower else torch.float32)


def dtype_name(precision: torch.dtype) -> str:
    """`bfloat16`."""
    return str(precision).removeprefix("torch.")


class _InPrecision(nn.Module):
    """A network under autocast."""

    def __init__(self, network: nn.Module, precision: torch.dtype) -> None:
        super().__init__()
        self.network = network
        self.precision = precision

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        with mixed_precision(self.precision, x_BCHW.device):
            outputs: torch.Tensor = self.network(x_BCHW.contiguous(memory_format=layout_of(x_BCHW.device)))
        return outputs.float()
