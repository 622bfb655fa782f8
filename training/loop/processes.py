"""The processes of one trial: one, or one per GPU, which train together on parts of each batch.

A launcher of several processes sets up `torch.distributed` first (Ray Train does); a trial only reads that state.
"""

import logging
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import torch
import torch.distributed
from torch import nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.parallel import DistributedDataParallel

logger = logging.getLogger(__name__)

_OF_ONE_PROCESS: Final = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
"""Layers that compute statistics over the patches of their own process only."""

Value = TypeVar("Value")


@dataclass(frozen=True)
class Processes:
    """This process's place among those of the trial.

    Attributes:
        rank: 0 .. world - 1; process 0 reports to the tracker and writes files.
        world: Number of processes.
    """

    rank: int = 0
    world: int = 1

    @classmethod
    def current(cls) -> "Processes":
        """The state of `torch.distributed`, or a single process."""
        if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
            return cls()
        return cls(torch.distributed.get_rank(), torch.distributed.get_world_size())

    @property
    def is_first(self) -> bool:
        """Whether this process reports for the trial."""
        return self.rank == 0

    def wrap(self, model: nn.Module, device: torch.device) -> nn.Module:
        """The network for training: gradients averaged over processes, on GPUs batch norm over the whole batch."""
        if self.world == 1:
            return model
        if device.type == "cuda":
            synced: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
            return DistributedDataParallel(synced, device_ids=[device])
        if self.is_first and any(isinstance(layer, _OF_ONE_PROCESS) for layer in model.modules()):
            logger.warning(
                "on a CPU each of the %d processes has a batch norm of its own part of a batch, since torch shares it "
                "on GPUs only: the numbers are not those of one process",
                self.world,
            )
        return DistributedDataParallel(model)

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Sum over processes, the same everywhere; gradients flow back through it."""
        if self.world == 1:
            return values
        total: torch.Tensor = all_reduce(values)  # type: ignore[no-untyped-call]
        return total

    def part(self, rows: torch.Tensor) -> torch.Tensor:
        """This process's rows of values for a whole batch: every `world`-th row, as in the loader."""
        return rows[self.rank :: self.world]

    def whole(self, part: torch.Tensor, rows: int) -> torch.Tensor:
        """The `rows` rows of the whole batch in order, on the device of this process's part of them.

        Parts (as `part` takes them) have one shape and dtype in all processes.
        """
        if self.world == 1:
            return part
        most = -(-rows // self.world)
        padded = part.new_zeros(most, *part.shape[1:])
        padded[: len(part)] = part
        parts = [torch.empty_like(padded) for _ in range(self.world)]
        torch.distributed.all_gather(parts, padded)
        return torch.stack(parts, dim=1).flatten(0, 1)[:rows]

    def gather(self, value: Value) -> list[Value]:
        """The values of all processes, by rank, in every process."""
        if self.world == 1:
            return [value]
        found: list[Any] = [None] * self.world
        torch.distributed.all_gather_object(found, value)
        return found

    def share(self, value: Value) -> Value:
        """The value of the first process, in every process."""
        if self.world == 1:
            return value
        found: list[Any] = [value]
        torch.distributed.broadcast_object_list(found)
        first: Value = found[0]
        return first
