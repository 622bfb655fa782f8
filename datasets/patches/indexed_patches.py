"""Patches of patch-based trials: rows of a patch index, every one once per epoch or every class equally often."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from datasets.loading.batch import Window
from datasets.loading.scene_reader import SceneReader
from datasets.patches.crops import ShapeOf
from datasets.patches.patch_index import PatchIndex


class IndexedPatches:
    """A `datasets.loading.batches.PatchSource` over a patch index.

    Args:
        index: The patches.
        length: Patches in an epoch; None is every one once.
        balanced: Whether every class is drawn equally often.
        seed: Of the order; None keeps that of the index, for scoring.
    """

    judged = judges_land = False

    def __init__(self, index: PatchIndex, *, length: int | None, balanced: bool, seed: int | None) -> None:
        self.index = index
        self.patch_size = index.rule.patch_size
        self.length = len(index) if length is None else length
        self.balanced = balanced
        self.seed = seed

    def __len__(self) -> int:
        return self.length

    @property
    def class_weights(self) -> NDArray[np.float64]:
        """(classes,) float64, inverse share of each class in what is drawn, averaging 1 over it; 0 for an absent class.

        Classes that are drawn equally often weigh alike: they need no second balance.
        """
        return (self.index.class_counts > 0).astype(np.float64) if self.balanced else self.index.class_weights

    def candidates(self, shape_of: ShapeOf, epoch: int, place: int) -> Iterator[Window]:
        """The window of one patch."""
        row = self._row(epoch, place)
        yield from windows_of(self.index, slice(row, row + 1))

    def is_good(
        self, known: NDArray[np.integer], land: NDArray[np.integer], pixels: NDArray[np.integer]
    ) -> NDArray[np.bool_]:
        """All: the index holds pure patches only."""
        return np.ones(known.shape, bool)

    def label(self, epoch: int, place: int) -> NDArray[np.uint8]:
        """Class (1,) uint8 of one patch."""
        row = self._row(epoch, place)
        return self.index.label[row : row + 1]

    def patch(self, reader: SceneReader, epoch: int, place: int) -> tuple[Window, NDArray[np.uint8]]:
        """Window and class (1,) uint8 of one patch."""
        return next(self.candidates(reader.shape, epoch, place)), self.label(epoch, place)

    def _row(self, epoch: int, place: int) -> int:
        return int(_rows(self, epoch)[place])


def windows_of(index: PatchIndex, rows: slice) -> list[Window]:
    """Where some patches of an index are."""
    places = zip(index.scene[rows].tolist(), index.line[rows].tolist(), index.sample[rows].tolist(), strict=True)
    return [Window(index.scenes[scene].scene_id, line, sample) for scene, line, sample in places]


@lru_cache(maxsize=4)
def _rows(source: IndexedPatches, epoch: int) -> NDArray[np.int64]:
    """Rows of an epoch in order: depends on (seed, epoch) only, so every process and every restart has the same."""
    count = len(source.index)
    if source.seed is None:
        return np.arange(source.length)
    rng = np.random.default_rng((source.seed, epoch))
    if source.balanced:
        return source.index.balanced_rows(rng, source.length)
    # More patches than there are: the next permutation goes on where the last one ended.
    rounds = -(-source.length // count)
    return np.concatenate([rng.permutation(count) for _ in range(rounds)])[: source.length]
