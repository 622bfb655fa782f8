"""How many patches are explained at a time: as many as the memory at hand holds, and half of them if that was wrong."""

import logging
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import torch
from torch import nn

from training.attribution.settings import AttributionError
from training.loop.device_memory import free_memory, is_of_memory

Found = TypeVar("Found")

CPU_BYTES: Final = 2 << 30
"""Memory that is taken on a CPU unless asked otherwise."""

_GPU_SHARE: Final = 0.7
"""Of the free memory of a GPU; the rest is for the work space of its kernels and for what fragments."""

_MOST: Final = 64
"""Patches at a time at most: more are not faster."""

logger = logging.getLogger(__name__)


def memory_at_hand(device: torch.device) -> int:
    """Bytes that may be taken."""
    if device.type == "cuda":
        return int(_GPU_SHARE * free_memory(device)[0])
    return CPU_BYTES


def patches_at_once(model: nn.Module, x_1CPP: torch.Tensor, classes: int, budget: int) -> int:
    """How many patches fit: what one keeps for its backward pass is measured, and gradients of each class are added.

    The weights of the network are frozen; `classes` are explained; the budget is in bytes.
    """
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor.detach()

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        outputs = model(x_1CPP.detach().requires_grad_())
    frozen = {each.untyped_storage().data_ptr() for each in (*model.parameters(), *model.buffers())}
    graph = sum(nbytes for place, nbytes in kept.items() if place not in frozen)
    # While a layer goes backward, gradients of its input and output live beside what was kept: at most as much again.
    one = 2 * graph + (classes + 4) * x_1CPP.nbytes + 2 * outputs.nbytes
    fitting: int = budget // max(one, 1)
    return max(1, min(_MOST, fitting))


class Parts:
    """Works through rows in parts that fit the memory, `at_once` rows at first."""

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once

    def each(self, rows: int, work: Callable[[slice], Found]) -> Iterator[tuple[slice, Found]]:
        """Calls `work` with slices of `rows` rows; a part that the GPU has no memory for is done again as two halves.

        Yields:
            Slices that cover all rows once, and what `work` gave for each.

        Raises:
            AttributionError: There is no memory for one row.
        """
        start = 0
        while start < rows:
            part = slice(start, min(start + self.at_once, rows))
            try:
                found = work(part)
            except RuntimeError as error:
                if not is_of_memory(error):
                    raise
                if self.at_once == 1:
                    raise AttributionError(
                        "the GPU has no memory to explain one patch: free it from other work, or use feature_ablation, "
                        "which keeps nothing for a backward pass"
                    ) from error
                self.at_once = max(1, (part.stop - part.start) // 2)
                logger.warning("the GPU has no memory for so many patches: now %d are explained at once", self.at_once)
            else:
                yield part, found
                start = part.stop
                continue
            torch.cuda.empty_cache()  # only now: the error holds what its work had taken
