"""The batches of a trial: which patches, how they are read, and what the device makes of them."""

from collections.abc import Iterator

import torch

from datasets.assemble import Assembler
from datasets.batches import Batch, BatchDataset, BatchLoader, PatchSource
from datasets.scene_reader import SceneReader
from training.augment import augment
from training.processes import Processes
from training.spec import TrialSpec


class PatchData:
    """Batches of one trial, this process's part of each; a `training.loop.TrainingData`.

    Args:
        spec: Of the trial.
        source: Which patches.
        reader: Reads the scenes.
        assemble: Makes the network's input.
        device: Where it is wanted.
        processes: Those of the trial.
        workers: Processes that read for this one.
    """

    def __init__(
        self,
        spec: TrialSpec,
        source: PatchSource,
        reader: SceneReader,
        assemble: Assembler,
        *,
        device: torch.device,
        processes: Processes,
        workers: int,
    ) -> None:
        dataset = BatchDataset(
            reader, source, batch_size=spec.loop.batch_size, rank=processes.rank, world=processes.world
        )
        self._loader = BatchLoader(dataset, workers=workers)
        self._assemble = assemble
        self._spec = spec
        self._device = device
        self._rank = processes.rank

    def __len__(self) -> int:
        return len(self._loader)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of an epoch."""
        return self._loader.epoch(number)

    def prepare(self, batch: Batch, epoch: int, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Input x (B, C, P, P) and label y, (B, T, P, P) or (B, T) uint8, on the device, augmented together."""
        batch = batch.to(self._device)
        x_BCHW, y = self._assemble(batch), batch.y
        # Every batch has a stream of its own, in every process of the trial: a restart sees the same changes.
        draws = torch.Generator().manual_seed(_mix(self._spec.seed, epoch, number, self._rank))
        return augment(x_BCHW, y, self._spec.augment, draws)
