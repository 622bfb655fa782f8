"""`Batch`: patches as they travel from a loader to the device, and the loader that makes batches of them.

A batch is allocated once and every patch is written straight to its place in it: each byte is copied once on its way
from the node's cache (by a worker process twice: into the memory that it shares with the trainer). SAR-grid channels
travel in physical units at the ratio, AMSR2 and ERA5 as coarse cells; `assemble` makes the network's input of them on
the device.
"""

import logging
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, Sampler

from datasets.errors import IceBenchError
from datasets.labels import IGNORE
from datasets.loading.hand_over import GLANCE_SECONDS, HandedOver, next_batch, worker_deaths
from datasets.loading.scene_reader import SceneReader
from datasets.loading.workers import PREFETCHED, fitting_workers

logger = logging.getLogger(__name__)


class Window(NamedTuple):
    """Where a patch is: scene, first line, first sample."""

    scene_id: str
    line: int
    sample: int


class Batch(NamedTuple):
    """Patches of one batch, B of them.

    Attributes:
        sar: (B, SAR channels, P, P) float32 in physical units, NaN = no data.
        km2: (B, AMSR2 and ERA5 channels, h, w) float32 in physical units, NaN = no data: the cells around the patch.
        offset: (B, 2) float32: fractional line and sample of the patch's first pixel centre among these cells.
        month: (B,) float32, 1..12.
        y: (B, targets, P, P) uint8 where pixel-based, (B, targets) uint8 where patch-based; 255 = no label.
        windows: Where each patch is.
    """

    sar: torch.Tensor
    km2: torch.Tensor
    offset: torch.Tensor
    month: torch.Tensor
    y: torch.Tensor
    windows: tuple[Window, ...]

    @property
    def nbytes(self) -> int:
        """Bytes that travel to the device."""
        return sum(part.nbytes for part in (self.sar, self.km2, self.offset, self.month, self.y))

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device; asynchronous from pinned memory."""
        return self._each(lambda part: part.to(device, non_blocking=True))

    def pin_memory(self) -> "Batch":
        """The batch in page-locked memory; called by the loader."""
        return self._each(torch.Tensor.pin_memory)

    def shared(self) -> "Batch":
        """The batch in memory that other processes can map; raises RuntimeError or OSError where there is none left."""
        return self._each(lambda part: part.share_memory_() if part.nbytes else part)  # type: ignore[no-untyped-call]

    def _each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> "Batch":
        sar, km2, offset, month, y = (change(part) for part in (self.sar, self.km2, self.offset, self.month, self.y))
        return Batch(sar, km2, offset, month, y, self.windows)


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
        """Bytes of this process's part of a batch, with a label for each pixel."""
        size, reader = self.source.patch_size, self.reader
        height, width = reader.km2_shape(size, size)
        floats = len(reader.sar_channels) * size**2 + len(reader.km2_channels) * height * width + 3
        return -(-self.batch_size // self.world) * (4 * floats + len(reader.targets) * size**2)

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


def read_batch(reader: SceneReader, windows: Sequence[Window], shape: tuple[int, int], y: NDArray[np.uint8]) -> Batch:
    """Reads the inputs of windows of one shape (lines, samples); `y` are their labels, as `Batch` has them."""
    count, coarse = len(windows), reader.km2_shape(*shape)
    sar = np.empty((count, len(reader.sar_channels), *shape), np.float32)
    km2 = np.empty((count, len(reader.km2_channels), *coarse), np.float32)
    offset, month = np.empty((count, 2), np.float32), np.empty(count, np.float32)
    for row, window in enumerate(windows):
        _read_sar(reader, window, sar[row])
        km2[row], offset[row] = reader.km2(*window, coarse)
        month[row] = reader.month(window.scene_id)
    return Batch(
        sar=torch.from_numpy(sar),
        km2=torch.from_numpy(km2),
        offset=torch.from_numpy(offset),
        month=torch.from_numpy(month),
        y=torch.from_numpy(y),
        windows=tuple(windows),
    )


def _read_sar(reader: SceneReader, window: Window, out: NDArray[np.float32]) -> None:
    """Reads the SAR-grid channels of a window into `out` (channels, h, w); what lies beyond the scene is NaN."""
    height, width = reader.shape(window.scene_id)
    lines = slice(window.line, min(window.line + out.shape[1], height))
    samples = slice(window.sample, min(window.sample + out.shape[2], width))
    inside = out[:, : lines.stop - lines.start, : samples.stop - samples.start]
    if inside.shape != out.shape:
        out[...] = np.nan
    reader.sar(window.scene_id, lines, samples, inside)


class EpochSampler(Sampler[int]):
    """Numbers of the batches of one epoch; the caller sets `epoch`, since workers live on from epoch to epoch."""

    def __init__(self, batches: int) -> None:
        self.batches = batches
        self.epoch = 0

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.epoch * self.batches, (self.epoch + 1) * self.batches))

    def __len__(self) -> int:
        return self.batches


class BatchLoader:
    """Batches of an epoch, made by worker processes that live as long as the loader.

    Workers are spawned: forked ones hang on or inherit broken handles of Zarr stores in object storage. Python lets a
    daemonic process (a worker of `multiprocessing.Pool`, or of Dask) start none, and a machine may lack the shared
    memory, open files or addresses that workers need to hand over what they make. There fewer are started, or none: the
    batches are made in the process itself, which changes nothing but the speed, and one warning says why.

    Args:
        dataset: The batches.
        workers: Processes; 0 makes each batch in this one, when it is needed. See `datasets.loading.workers`.
    """

    def __init__(self, dataset: BatchDataset, *, workers: int = 0) -> None:
        workers = _possible(workers, dataset)
        self._sampler = EpochSampler(len(dataset))
        self._loader: DataLoader[Batch | IceBenchError] = DataLoader(
            HandedOver(dataset) if workers else dataset,
            batch_size=None,
            sampler=self._sampler,
            num_workers=workers,
            multiprocessing_context="spawn" if workers else None,
            persistent_workers=workers > 0,
            prefetch_factor=PREFETCHED if workers else None,
            pin_memory=torch.cuda.is_available(),
            timeout=GLANCE_SECONDS if workers else 0,
        )

    def __len__(self) -> int:
        return len(self._sampler)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of one epoch, in order.

        Raises:
            LoaderError: A worker died, cannot hand over its batch, or took longer than half an hour for one.
        """
        self._sampler.epoch = number
        with worker_deaths():
            batches = iter(self._loader)
            while (batch := next_batch(batches)) is not None:
                yield batch


def _possible(workers: int, dataset: BatchDataset) -> int:
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
