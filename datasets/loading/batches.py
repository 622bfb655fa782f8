"""`Batch`: patches as they travel from a loader to the device, and the loader that makes batches of them.

A batch is allocated once and every patch is written straight to its place in it: each byte is copied once on its way
from the node's cache (by a worker process twice: into the memory that it shares with the trainer). SAR and zones travel
in the whole numbers of the lake, AMSR2 and ERA5 as coarse cells, latitude, longitude and incidence angle as tie points;
`assemble` makes the network's input of them on the device.
"""

import logging
import math
import multiprocessing
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, Sampler

from datasets.errors import IceBenchError, LoaderError
from datasets.labels import IGNORE
from datasets.loading.scene_reader import SceneReader
from datasets.loading.workers import PREFETCHED, fitting_workers
from datasets.stores.packing import ZONES
from datasets.tie_grid import TieWindow

logger = logging.getLogger(__name__)

BATCH_SECONDS: Final = 1800.0
"""Longest wait for a batch of a worker: its scenes may all have to be fetched and decoded first."""

_GLANCE_SECONDS: Final = 5.0
"""How often a wait looks whether all workers live."""

_MOST_TIES: Final = 21
"""Tie points along a side of a scene, at most as many around a patch."""

_LATE: Final = "DataLoader timed out"
_DEAD: Final = "DataLoader worker (pid"
"""How torch's own errors begin, which have no type of their own."""


class Window(NamedTuple):
    """Where a patch is: scene, first line, first sample."""

    scene_id: str
    line: int
    sample: int


class Batch(NamedTuple):
    """Patches of one batch, B of them.

    Attributes:
        sar: (B, SAR channels, P, P) as the lake holds them: int16 in units of `sar_unit` dB with `sar_fill` for no
            data, or float32 dB with NaN.
        zones: (B, 0 or 1, P, P) uint8, distance to land as the lake holds it; see `datasets.stores.packing.ZONES`.
        nodes: (B, channels that follow from tie points, n, m) float32 degrees: the tie points around the patch.
        lines: (B, P, n) float32: their weights for each line of the patch; 0 beyond the scene.
        samples: (B, P, m) float32: their weights for each sample of the patch; 0 beyond the scene.
        km2: (B, AMSR2 and ERA5 channels, h, w) float32 in physical units, NaN = no data: the cells around the patch.
        offset: (B, 2) float32: fractional line and sample of the patch's first pixel centre among these cells.
        month: (B,) float32, 1..12.
        y: (B, targets, P, P) uint8 where pixel-based, (B, targets) uint8 where patch-based; 255 = no label.
        windows: Where each patch is.
        sar_unit: dB of one unit of `sar`.
        sar_fill: What `sar` holds where there is no data.
    """

    sar: torch.Tensor
    zones: torch.Tensor
    nodes: torch.Tensor
    lines: torch.Tensor
    samples: torch.Tensor
    km2: torch.Tensor
    offset: torch.Tensor
    month: torch.Tensor
    y: torch.Tensor
    windows: tuple[Window, ...]
    sar_unit: float = 1.0
    sar_fill: float = math.nan

    @property
    def tensors(self) -> tuple[torch.Tensor, ...]:
        """All that travels to the device, in order."""
        return self[:9]

    @property
    def nbytes(self) -> int:
        """Bytes that travel to the device."""
        return sum(part.nbytes for part in self.tensors)

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
        sar, zones, nodes, lines, samples, km2, offset, month, y = map(change, self.tensors)
        return Batch(
            sar, zones, nodes, lines, samples, km2, offset, month, y, self.windows, self.sar_unit, self.sar_fill
        )


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


def read_batch(reader: SceneReader, windows: Sequence[Window], shape: tuple[int, int], y: NDArray[np.uint8]) -> Batch:
    """Reads the inputs of windows of one shape (lines, samples); `y` are their labels, as `Batch` has them."""
    count, coarse = len(windows), reader.km2_shape(*shape)
    dtype, unit, fill = reader.sar_form(windows[0].scene_id)
    sar = np.empty((count, len(reader.sar_channels), *shape), dtype)
    zones = np.empty((count, len(reader.zone_channels), *shape), np.uint8)
    km2 = np.empty((count, len(reader.km2_channels), *coarse), np.float32)
    offset, month = np.empty((count, 2), np.float32), np.empty(count, np.float32)
    ties = []
    for row, window in enumerate(windows):
        lines, samples = _inside(reader, window, shape)
        part = (slice(lines.stop - lines.start), slice(samples.stop - samples.start))
        if (part[0].stop, part[1].stop) != shape:  # what lies beyond the scene is no data
            sar[row], zones[row] = fill, ZONES.fill
        reader.sar(window.scene_id, lines, samples, sar[row][:, *part])
        if reader.zone_channels:
            zones[row, 0][part] = reader.zones(window.scene_id, lines, samples)
        if reader.tie_channels:
            ties.append(reader.ties(window.scene_id, lines, samples))
        km2[row], offset[row] = reader.km2(*window, coarse)
        month[row] = reader.month(window.scene_id)
    nodes, of_lines, of_samples = _together(ties, count, len(reader.tie_channels), shape)
    return Batch(
        sar=torch.from_numpy(sar),
        zones=torch.from_numpy(zones),
        nodes=torch.from_numpy(nodes),
        lines=torch.from_numpy(of_lines),
        samples=torch.from_numpy(of_samples),
        km2=torch.from_numpy(km2),
        offset=torch.from_numpy(offset),
        month=torch.from_numpy(month),
        y=torch.from_numpy(y),
        windows=tuple(windows),
        sar_unit=unit,
        sar_fill=fill,
    )


def _inside(reader: SceneReader, window: Window, shape: tuple[int, int]) -> tuple[slice, slice]:
    """The part of a window that lies in its scene."""
    lines, samples = (
        slice(start, min(start + size, length))
        for start, size, length in zip(window[1:], shape, reader.shape(window.scene_id), strict=True)
    )
    return lines, samples


def _together(ties: Sequence[TieWindow], count: int, fields: int, shape: tuple[int, int]) -> list[NDArray[np.float32]]:
    """Nodes and weights of all windows; those of fewer tie points get some of no weight."""
    most = [max((tie.nodes.shape[axis] for tie in ties), default=0) for axis in (1, 2)]
    nodes = np.zeros((count, fields, *most), np.float32)
    weights = [np.zeros((count, size, many), np.float32) for size, many in zip(shape, most, strict=True)]
    for row, tie in enumerate(ties):
        nodes[row, :, : tie.nodes.shape[1], : tie.nodes.shape[2]] = tie.nodes
        for axis, own in zip(weights, tie[1:], strict=True):
            axis[row, : own.shape[0], : own.shape[1]] = own
    return [nodes, *weights]


class EpochSampler(Sampler[int]):
    """Numbers of the batches of one epoch; the caller sets `epoch`, since workers live on from epoch to epoch."""

    def __init__(self, batches: int) -> None:
        self.batches = batches
        self.epoch = 0

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.epoch * self.batches, (self.epoch + 1) * self.batches))

    def __len__(self) -> int:
        return self.batches


class _Handing(Dataset[Batch | IceBenchError]):
    """What a worker makes: batches that lie in shared memory already, or what stands in the way of one.

    torch would share a batch in a thread of the worker that nobody hears, and hide a sentence in a traceback.
    """

    def __init__(self, dataset: BatchDataset) -> None:
        self._dataset = dataset

    def __getitem__(self, index: int) -> Batch | IceBenchError:
        try:
            batch = self._dataset[index]
        except IceBenchError as error:
            return _sendable(error)
        try:
            return batch.shared()
        except (OSError, RuntimeError) as error:
            return LoaderError(
                f"a loader worker cannot hand over a batch of {batch.nbytes / 1e6:.1f} MB ({error}): give the machine "
                "more shared memory (docker run --shm-size 8g) and open files (ulimit -n), or the trial fewer workers"
            )


def _sendable(error: IceBenchError) -> IceBenchError:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 (an error that cannot be sent is told by its sentence)
        return LoaderError(str(error))
    return error


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
            _Handing(dataset) if workers else dataset,
            batch_size=None,
            sampler=self._sampler,
            num_workers=workers,
            multiprocessing_context="spawn" if workers else None,
            persistent_workers=workers > 0,
            prefetch_factor=PREFETCHED if workers else None,
            pin_memory=torch.cuda.is_available(),
            timeout=_GLANCE_SECONDS if workers else 0,
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
            while (batch := _next(batches)) is not None:
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


def _next(batches: Iterator[Batch | IceBenchError]) -> Batch | None:
    """The next batch, None after the last; torch's own wait is short, since it sees only at its end who has died."""
    end = time.monotonic() + BATCH_SECONDS
    while True:
        try:
            found = next(batches, None)
        except RuntimeError as error:
            if not str(error).startswith(_LATE):
                raise
            if time.monotonic() < end:
                continue
            raise LoaderError(
                f"no loader worker has handed over the next batch for {BATCH_SECONDS:g} s: look at what they logged, "
                "and whether the lake can be read; with 0 workers the trial reads by itself"
            ) from error
        if isinstance(found, IceBenchError):
            raise found
        return found


@contextmanager
def worker_deaths() -> Iterator[None]:
    """The death of a worker, which torch raises as RuntimeError wherever the main thread is, as LoaderError."""
    try:
        yield
    except RuntimeError as error:
        if not str(error).startswith(_DEAD):
            raise
        raise LoaderError(
            f"a loader worker died ({' '.join(str(error).split())}): where the kernel ended it for want of memory, "
            "give the machine or container more, or the trial fewer workers"
        ) from error
