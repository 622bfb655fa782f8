"""How fast a network could train if it did nothing but move its values: a model bounded by memory.

Every operation of a step reads each of its inputs and writes each of its outputs once; views move nothing. That is what
a network does whose operations run one after the other (`torch.compile` fuses some, and may beat it). The values are
counted on torch's meta device: shapes alone, on any machine. Values of the network take `value_bytes` (2 where it
computes in bfloat16), all others what they are (masks of pooling are int64).
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Bytes that a network moves for one patch."""

    forward: float
    backward: float

    @property
    def step(self) -> float:
        """Of a training step, per patch."""
        return self.forward + self.backward


class _Counted(TorchDispatchMode):
    """Adds up the bytes of what operations read and write."""

    def __init__(self, value_bytes: int) -> None:
        super().__init__()
        self.nbytes = 0
        self._value_bytes = value_bytes

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        out = func(*args, **(kwargs or {}))
        if not (func.is_view or torch.Tag.inplace_view in func.tags):
            for value in tree_leaves((args, kwargs or {}, out)):
                if isinstance(value, torch.Tensor):
                    self.nbytes += value.numel() * self._bytes_of(value)
        return out

    def _bytes_of(self, value: torch.Tensor) -> int:
        return self._value_bytes if value.is_floating_point() else value.element_size()


def traffic_of(model: nn.Module, patch: tuple[int, int, int], batch: int, *, value_bytes: int) -> Traffic:
    """Bytes per patch (C, H, W) of a network that trains on batches; the network is on the meta device."""
    x = torch.empty(batch, *patch, device="meta")
    with _Counted(value_bytes) as forward:
        outputs = model.train()(x)
    seed = torch.empty_like(outputs)
    with _Counted(value_bytes) as backward:
        outputs.backward(seed)
    return Traffic(forward=forward.nbytes / batch, backward=backward.nbytes / batch)
