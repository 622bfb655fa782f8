"""Batches of an epoch: which patches they hold, and the loader whose worker processes make them."""

import logging
import multiprocessing
from collections.abc import Iterator
from typing import Final, Generic, Protocol

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, Sampler

from datasets.errors import IceBenchError
from datasets.labels import IGNORE
from datasets.loading.batch import Batch, Window, read_batch
from datasets.loading.hand_over import GLANCE_SECONDS, HandedOver, Made, Made_co, Makes, next_batch, worker_deaths
from datasets.loading.scene_reader import SceneReader
from datasets.loading.workers import PREFETCHED, fitting_workers

logger = logging.getLogger(__name__)

_MOST_TIES: Final = 21
"""Tie points along a side of a scene, at most as many around a patch."""


class PatchSource(Protocol):
    """Which patches an epoch is made of. Patch k of epoch e depends on (seed, e, k) only."""

    patch_size: int

    def __len__(self) -> int:
        """Patches in an epoch."""

    def patch(self, reader: SceneReader, epoch: int, place: int) -> tuple[Window, NDArray[np.uint8]]:
        """Window and label of one patch: (targets, P, P) or (targets,) uint8, 255 = no label."""


class BatchDataset(Dataset[Batch]):
    """Batches by number: item `epoch * len(dataset) + b` is batch b of that epoch.

    The last batch of an epoch is left out where it would be smaller than the others (they are drawn again in the next
    epoch), unless it is the only one.

    Args:
        reader: Reads the scenes.
        source: Says which patches.
        batch_size: Patches in a batch, over all processes of the trial.
        rank: This process's place among those of the trial; it gets every `world`-th patch of each batch.
        world: Number of processes.
    """

    def __init__(
        self, reader: SceneReader, source: PatchSource, *, batch_size: int, rank: int = 0, world: int = 1
    ) -> None:
        self.reader = reader
        self.source = source
        self.batch_size = min(batch_size, len(source))
        self.rank = rank
        self.world = world

    def __len__(self) -> int:
        return len(self.source) // self.batch_size

    @property
    def batch_bytes(self) -> int:
        """Bytes of this process's part of a batch at most, with a label for each pixel."""
        size, reader = self.source.patch_size, self.reader
        height, width = reader.km2_shape(size, size)
        pixel = reader.sar_bytes * len(reader.sar_channels) + len(reader.zone_channels) + len(reader.targets)
        floats = len(reader.km2_channels) * height * width + 2 * size * _MOST_TIES
        return -(-self.batch_size // self.world) * (pixel * size**2 + 4 * floats)

    def __getitem__(self, index: int) -> Batch:
        epoch, number = divmod(index, len(self))
        first = number * self.batch_size
        return self.batch(epoch, range(first + self.rank, first + self.batch_size, self.world))

    def batch(self, epoch: int, places: range) -> Batch:
        """The patches of these places of an epoch."""
        size = self.source.patch_size
        y, windows = np.empty((len(places), 0), np.uint8), []
        for row, place in enumerate(places):
            window, label = self.source.patch(self.reader, epoch, place)
            if row == 0:  # now it is known whether there is one label for each patch or one for each pixel
                y = np.full((len(places), len(label), *(size,) * (label.ndim - 1)), IGNORE, np.uint8)
            y[row][tuple(slice(length) for length in label.shape)] = label
            windows.append(window)
        return read_batch(self.reader, windows, (size, size), y)


class EpochSampler(Sampler[int]):
    """Numbers of the batches of one epoch; the caller sets `epoch`, since workers live on from epoch to epoch."""

    def __init__(self, batches: int) -> None:
        self.batches = batches
        self.epoch = 0

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.epoch * self.batches, (self.epoch + 1) * self.batches))

    def __len__(self) -> int:
        return self.batches


class Numbered(Makes[Made_co], Protocol[Made_co]):
    """What a loader makes, by number: those of epoch e are `e * len` to `(e + 1) * len - 1`."""

    world: int

    @property
    def batch_bytes(self) -> int:
        """Bytes of one at most."""

    def __len__(self) -> int:
        """How many an epoch has."""


class BatchLoader(Generic[Made]):
    """Batches of an epoch, made by worker processes that live as long as the loader.

    Workers are spawned: forked ones hang on or inherit broken handles of Zarr stores in object storage. Python lets a
    daemonic process (a worker of `multiprocessing.Pool`, or of Dask) start none, and a machine may lack the shared
    memory, open files or addresses that workers need to hand over what they make. There fewer are started, or none: the
    batches are made in the process itself, which changes nothing but the speed, and one warning says why.

    Args:
        dataset: The batches, or something else that can be handed over.
        workers: Processes; 0 makes each batch in this one, when it is needed. See `datasets.loading.workers`.
        pinned: Whether batches are put into page-locked memory, from which a GPU takes them without a wait.
    """

    def __init__(self, dataset: Numbered[Made], *, workers: int = 0, pinned: bool = False) -> None:
        workers = _possible(workers, dataset)
        self._sampler = EpochSampler(len(dataset))
        self._loader: DataLoader[Made | IceBenchError] = DataLoader(
            HandedOver(dataset) if workers else dataset,  # type: ignore[arg-type]
            batch_size=None,
            sampler=self._sampler,
            num_workers=workers,
            multiprocessing_context="spawn" if workers else None,
            persistent_workers=workers > 0,
            prefetch_factor=PREFETCHED if workers else None,
            pin_memory=pinned,
            timeout=GLANCE_SECONDS if workers else 0,
        )

    def __len__(self) -> int:
        return len(self._sampler)

    def epoch(self, number: int) -> Iterator[Made]:
        """The batches of one epoch, in order.

        Raises:
            LoaderError: A worker died, cannot hand over its batch, or took longer than half an hour for one.
        """
        self._sampler.epoch = number
        with worker_deaths():
            batches = iter(self._loader)
            while (batch := next_batch(batches)) is not None:
                yield batch


def _possible(workers: int, dataset: Numbered[Made]) -> int:
    if not workers:
        return 0
    if multiprocessing.current_process().daemon:
        logger.warning("a daemonic process cannot start %d loader workers: it makes its batches itself", workers)
        return 0
    number, reason = fitting_workers(workers, dataset.batch_bytes, dataset.world)
    if reason:
        instead = f"{number} are started" if number else "this process makes its batches itself"
        logger.warning("%d loader workers were wanted and %s: %s", workers, instead, reason)
    return number
