"""`DeviceBatches`: the batches of an epoch, cut out of scenes that lie on the device; otherwise as a `BatchLoader`.

Windows are drawn on the host by the same source, so they are the same. Which of them are good is decided by pixels that
only the device has: candidates of many patches are sent there, counted while it trains on the patches before, and only
the counts come back. Worker processes draw ahead, since a draw costs the host 20 microseconds and a step may take few.
"""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray

from datasets.loading.batch import Batch, Window
from datasets.loading.batches import BatchLoader, PatchSource
from datasets.loading.gather import Gathered, count_pixels, most_at_once
from datasets.loading.places import Places
from datasets.loading.resident import ResidentScenes

_MOST_BATCHES: Final = 32
"""Batches whose windows are drawn, judged and gathered at once."""

_DRAWN: Final = 4
"""Candidates of a patch that are judged at once; of real charts about every second one is good."""

_MOST_WORKERS: Final = 2
"""Processes that draw: one draws more than 10,000 patches per second."""


class DrawnPatches(PatchSource, Protocol):
    """A source that draws without looking at pixels, and is told of them afterwards."""

    judged: bool
    """Whether the pixels of a window decide about it."""
    judges_land: bool
    """Whether its land pixels do."""

    def candidates(self, shape_of: Callable[[str], tuple[int, int]], epoch: int, place: int) -> Iterator[Window]:
        """Windows that one patch may be: it is the first good one."""

    def is_good(
        self, known: NDArray[np.integer], land: NDArray[np.integer], pixels: NDArray[np.integer]
    ) -> NDArray[np.bool_]:
        """Which windows are good, by their labelled pixels, land pixels and pixels inside the scene, (N,) each."""

    def label(self, epoch: int, place: int) -> NDArray[np.uint8]:
        """(targets,) uint8 of a patch that has one label; empty where each of its pixels has one."""


class Candidates(NamedTuple):
    """Windows that N patches may be, K of each, in the order in which they were drawn.

    Attributes:
        places: (N, K, 3) int64: place of the scene, first line, first sample.
        y: (N, targets) uint8 for patches with one label, (N, 0) for others.
    """

    places: torch.Tensor
    y: torch.Tensor

    @property
    def nbytes(self) -> int:
        """Bytes of them."""
        return self.places.nbytes + self.y.nbytes

    def shared(self) -> Self:
        """The same in memory that other processes can map."""
        places, y = (part.share_memory_() if part.nbytes else part for part in self)  # type: ignore[no-untyped-call]
        return type(self)(places, y)


class CandidateBlocks:
    """Candidates of an epoch's patches by the number of a block: some batches that are made together.

    Attributes:
        batches: In an epoch.
        own: Patches of a batch that are this process's.
        per_block: Batches in a block; the last one may have fewer.
    """

    def __init__(
        self, scenes: ResidentScenes, source: DrawnPatches, *, batch_size: int, rank: int = 0, world: int = 1
    ) -> None:
        self.source = source
        self.batch_size = min(batch_size, len(source))
        self.rank, self.world = rank, world
        self.batches = len(source) // self.batch_size
        self.own = len(range(rank, self.batch_size, world))
        self.per_block = max(min(most_at_once(scenes, source.patch_size) // self.own, _MOST_BATCHES), 1)
        self._place_of = scenes.place_of
        self._shapes = {
            scene_id: (int(h), int(w)) for scene_id, (h, w) in zip(scenes.scene_ids, scenes.shapes, strict=True)
        }
        self._tries = _DRAWN if source.judged else 1

    def __len__(self) -> int:
        return -(-self.batches // self.per_block)

    @property
    def batch_bytes(self) -> int:
        """Bytes of a block at most."""
        return self.per_block * self.own * (24 * self._tries + 8)

    def __getitem__(self, index: int) -> Candidates:
        epoch, block = divmod(index, len(self))
        rows, labels = [], []
        for place in self.places(block):
            rows.append(self.draw(self._of(epoch, place), self._tries))
            labels.append(self.source.label(epoch, place))
        return Candidates(torch.from_numpy(np.stack(rows)), torch.from_numpy(np.stack(labels)))

    def places(self, block: int) -> list[int]:
        """Places in the epoch of the patches of a block."""
        first = block * self.per_block
        batches = range(first, min(first + self.per_block, self.batches))
        return [
            place
            for batch in batches
            for place in range(batch * self.batch_size + self.rank, (batch + 1) * self.batch_size, self.world)
        ]

    def later(self, epoch: int, place: int) -> Iterator[tuple[int, int, int]]:
        """The candidates of a patch that are not in its block."""
        return islice(self._of(epoch, place), self._tries, None)

    @staticmethod
    def draw(candidates: Iterator[tuple[int, int, int]], tries: int) -> NDArray[np.int64]:
        """The next candidates of a patch, (tries, 3)."""
        return np.array(list(islice(candidates, tries)), np.int64)

    def _of(self, epoch: int, place: int) -> Iterator[tuple[int, int, int]]:
        for scene_id, line, sample in self.source.candidates(self._shapes.__getitem__, epoch, place):
            yield self._place_of[scene_id], line, sample


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """Candidates whose pixels the device is counting; `counts` (N * K, 2) are whole once `done` is."""

    candidates: Candidates
    counts: torch.Tensor | None
    done: torch.cuda.Event | None

    def answer(self) -> NDArray[np.int64]:
        """Waits for the counts."""
        if self.done is not None:
            self.done.synchronize()
        assert self.counts is not None
        return self.counts.numpy().astype(np.int64)


class DeviceBatches:
    """Batches of patches of resident scenes; the numbers of a `BatchLoader` over the same source.

    Args:
        scenes: Loaded before the first epoch.
        source: Says which patches; all its scenes are resident.
        batch_size: Patches in a batch, over all processes of the trial.
        rank: This process's place among those of the trial; it gets every `world`-th patch of each batch.
        world: Number of processes.
        workers: Processes that draw ahead, at most 2 are used; 0 draws in this one.
    """

    def __init__(
        self,
        scenes: ResidentScenes,
        source: DrawnPatches,
        *,
        batch_size: int,
        rank: int = 0,
        world: int = 1,
        workers: int = 0,
    ) -> None:
        self._scenes, self._source = scenes, source
        self._blocks = CandidateBlocks(scenes, source, batch_size=batch_size, rank=rank, world=world)
        self.batch_size = self._blocks.batch_size
        self._loader = BatchLoader(self._blocks, workers=min(workers, _MOST_WORKERS))
        # Counting beside the training instead of behind it: else every block would wait for the steps before.
        self._stream = torch.cuda.Stream(scenes.device) if scenes.device.type == "cuda" else None  # type: ignore[no-untyped-call]

    def __len__(self) -> int:
        return self._blocks.batches

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of one epoch, in order, on the device.

        Raises:
            SplitError: No window of the scenes is a patch.
            LoaderError: A worker died or cannot hand over what it drew.
        """
        waiting: _Asked | None = None
        for block, candidates in enumerate(self._loader.epoch(number)):
            asked = self._ask(candidates)
            if waiting is not None:
                yield from self._batches(waiting, number, block - 1)
            waiting = asked
        if waiting is not None:
            yield from self._batches(waiting, number, len(self._blocks) - 1)

    def _batches(self, asked: _Asked, epoch: int, block: int) -> Iterator[Batch]:
        windows = self._chosen(asked, epoch, block)
        gathered = Gathered(self._scenes, self._places(windows))
        y = asked.candidates.y.to(self._scenes.device) if asked.candidates.y.shape[1] else None
        for start in range(0, len(windows), self._blocks.own):
            rows = slice(start, start + self._blocks.own)
            yield gathered.batch(rows, None if y is None else y[rows])

    def _chosen(self, asked: _Asked, epoch: int, block: int) -> NDArray[np.int64]:
        """The first good candidate of every patch, (N, 3); more are drawn where none was good."""
        candidates = asked.candidates.places.numpy()
        if asked.counts is None:
            return candidates[:, 0]
        found = np.empty_like(candidates[:, 0])
        open_rows, places, more = np.arange(len(found)), self._blocks.places(block), {}
        while True:
            good = self._good(candidates, asked.answer())
            has_one = good.any(axis=1)
            found[open_rows[has_one]] = candidates[has_one, good[has_one].argmax(axis=1)]
            open_rows = open_rows[~has_one]
            if not open_rows.size:
                return found
            for row in open_rows.tolist():
                if row not in more:
                    more[row] = self._blocks.later(epoch, places[row])
            candidates = np.stack([self._blocks.draw(more[row], _DRAWN) for row in open_rows.tolist()])
            asked = self._ask(Candidates(torch.from_numpy(candidates), asked.candidates.y))

    def _good(self, candidates: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.bool_]:
        pixels = self._places(candidates.reshape(-1, 3)).inside(self._scenes).prod(axis=1)
        return self._source.is_good(counts[:, 0], counts[:, 1], pixels).reshape(candidates.shape[:2])

    def _ask(self, candidates: Candidates) -> _Asked:
        """Lets the device count the pixels of candidates, beside what it is doing."""
        if not self._source.judged:
            return _Asked(candidates=candidates, counts=None, done=None)
        places = self._places(candidates.places.numpy().reshape(-1, 3))
        with torch.cuda.stream(self._stream) if self._stream is not None else nullcontext():
            counts = count_pixels(self._scenes, places, land=self._source.judges_land)
            if self._stream is None:
                return _Asked(candidates=candidates, counts=counts, done=None)
            here = torch.empty(counts.shape, dtype=counts.dtype, pin_memory=True).copy_(counts, non_blocking=True)
            return _Asked(candidates=candidates, counts=here, done=self._stream.record_event())

    def _places(self, rows: NDArray[np.int64]) -> Places:
        size = self._source.patch_size
        scene, line, sample = rows.T
        return Places(scene=scene, line=line, sample=sample, shape=(size, size))
