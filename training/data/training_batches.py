"""What a trial trains on: which patches are drawn, and batches of them, augmented on the device."""

import logging
from collections.abc import Iterator

import numpy as np
import torch

from datasets.loading.batch import Batch
from datasets.loading.batches import BatchDataset, BatchLoader
from datasets.loading.device_batches import DeviceBatches, DrawnPatches
from datasets.loading.resident import ResidentScenes
from datasets.patches.crops import RandomCrops
from datasets.patches.indexed_patches import IndexedPatches
from training.data.augment import augment
from training.data.pure_patches import class_anchors, training_patches
from training.data.trial_data import TrialData
from training.data.vector_channels import VectorChannels
from training.loop.processes import Processes

logger = logging.getLogger(__name__)


def patch_source(data: TrialData, seed: int | None = None) -> DrawnPatches:
    """The patches that a trial trains on: crops if pixel-based, pure patches if patch-based.

    All that is random follows from the seed; by default that of the spec.

    Raises:
        SplitError: No window of the training scenes is a patch.
    """
    spec = data.spec if seed is None else data.spec.with_("seed", seed)
    batches = spec.loop.batches_per_epoch
    length = None if batches is None else batches * spec.loop.batch_size
    if spec.data.task == "patch":
        return IndexedPatches(
            training_patches(data, spec.seed), length=length, balanced=spec.data.balanced, seed=spec.seed
        )
    assert length is not None  # checked by the spec
    return RandomCrops(
        data.scenes.train.scene_ids,
        patch_size=spec.data.patch_size,
        max_masked=spec.data.max_masked,
        max_land=spec.data.max_land,
        border_distance=spec.data.border_distance,
        length=length,
        seed=spec.seed,
        pool=spec.data.max_patches,
        anchors=class_anchors(data) if spec.data.balanced else None,
    )


def warn_of_missing(source: DrawnPatches) -> None:
    """Logs which classes no pure patch or square has, and which training scenes are smaller than a patch."""
    if isinstance(source, RandomCrops) and source.anchors is not None and source.anchors.absent:
        logger.warning(
            "no training scene has %d x %d pixels of %s: data.balanced cannot look for it",
            source.anchors.side,
            source.anchors.side,
            " or ".join(source.anchors.absent),
        )
    if not isinstance(source, IndexedPatches):
        return
    index = source.index
    if index.absent_classes:
        logger.warning("no training patch is %s: the network cannot learn it", " or ".join(index.absent_classes))
    if index.too_small:
        logger.warning(
            "training scenes smaller than a patch of %d pixels are left out: %s",
            index.rule.patch_size,
            ", ".join(index.too_small),
        )


class TrainingBatches:
    """Batches to train on, this process's part of each; a `training.loop.trainer.TrainingData`.

    `workers` are processes that read patches for this one, or draw them for the device that holds the `resident`
    training scenes; 0 does it in this one. `batch_size` counts the patches of a batch over all processes of the trial.
    """

    def __init__(
        self,
        data: TrialData,
        source: DrawnPatches,
        processes: Processes,
        workers: int,
        resident: ResidentScenes | None = None,
    ) -> None:
        size, rank, world = data.spec.loop.batch_size, processes.rank, processes.world
        self._loader: BatchLoader[Batch] | DeviceBatches
        if resident is None:
            dataset = BatchDataset(data.inputs.reader, source, batch_size=size, rank=rank, world=world)
            self.batch_size = dataset.batch_size
            self._loader = BatchLoader(dataset, workers=workers, pinned=data.inputs.device.type == "cuda")
        else:
            self._loader = DeviceBatches(resident, source, batch_size=size, rank=rank, world=world, workers=workers)
            self.batch_size = self._loader.batch_size
        self._spec, self._inputs, self._processes = data.spec, data.inputs, processes
        turn_wind = data.spec.augment.turn_wind
        self._vectors = VectorChannels.wind(data.inputs.normalization) if turn_wind else ()

    def __len__(self) -> int:
        return len(self._loader)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of an epoch."""
        return self._loader.epoch(number)

    def prepare(self, batch: Batch, epoch: int, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Input x (B, C, P, P) and label y, (B, T, P, P) or (B, T) uint8, on the device, augmented together."""
        batch = batch.to(self._inputs.device)
        # Every batch has a stream of its own, the same in every process of the trial: a restart, and a start with more
        # processes, sees the same changes.
        seed = np.random.SeedSequence((self._spec.seed, epoch, number))
        return augment(
            self._inputs.assemble(batch),
            batch.y,
            self._spec.augment,
            torch.Generator().manual_seed(int(seed.generate_state(1, np.uint64)[0] >> 1)),
            vectors=self._vectors,
            processes=self._processes,
            batch_size=self.batch_size,
        )
