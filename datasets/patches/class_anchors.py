"""`ClassAnchors`: small squares of one class in all their pixels, by class and scene, to draw larger crops around.

A crop that holds such a square meets its class. Squares are those of a patch index whose windows are small and lie side
by side, so they are found once and kept with the lake.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from datasets.loading.batch import Window
from datasets.patches.patch_index import PatchIndex

_MOST: Final = 512
"""Squares of a class that are kept of one scene, evenly spread in their order: crops around neighbours are alike."""


class ClassAnchors:
    """Where crops can be that meet a class.

    Args:
        index: Of windows that do not overlap; at least one.

    Attributes:
        classes: Those that have a square, rising.
        absent: Names of the classes that have none.
        side: Of the squares in pixels.
    """

    def __init__(self, index: PatchIndex) -> None:
        self.side = index.rule.patch_size
        self.absent = index.absent_classes
        order = np.lexsort((index.scene, index.label))  # stable: squares of one class and scene stay in order
        group = index.label[order].astype(np.int64) * len(index.scenes) + index.scene[order]
        firsts = np.flatnonzero(np.diff(group, prepend=-1))
        counts = np.diff(firsts, append=len(group))
        kept = np.minimum(counts, _MOST)
        rows = np.concatenate(
            [first + np.arange(few) * count // few for first, count, few in zip(firsts, counts, kept, strict=True)]
        )
        self._line, self._sample = index.line[order][rows], index.sample[order][rows]
        label, scene = np.divmod(group[firsts], len(index.scenes))
        stops = np.cumsum(kept)
        self.classes: tuple[int, ...] = tuple(np.unique(label).tolist())
        ids = index.scene_ids
        self._groups = {
            own: [
                (ids[scene[place]], int(stops[place] - kept[place]), int(stops[place]))
                for place in np.flatnonzero(label == own).tolist()
            ]
            for own in self.classes
        }

    def draw_class(self, rng: np.random.Generator) -> int:
        """A class, each equally often."""
        return self.classes[int(rng.integers(len(self.classes)))]

    def draw(
        self, rng: np.random.Generator, label: int, shape_of: Callable[[str], tuple[int, int]], size: int
    ) -> Window:
        """A crop of a class: a scene that has it, a square in it, a window around that, each equally often.

        Args:
            rng: Source of randomness.
            label: One of `classes`.
            shape_of: Lines and samples of a scene.
            size: Side of the crop, not smaller than a square.
        """
        groups = self._groups[label]
        scene_id, begin, end = groups[int(rng.integers(len(groups)))]
        row = int(rng.integers(begin, end))
        line, sample = (
            # The crop holds the whole square and lies in the scene, or begins with it where the scene is smaller.
            int(rng.integers(max(anchor + self.side - size, 0), min(anchor, max(length - size, 0)) + 1))
            for anchor, length in zip((int(self._line[row]), int(self._sample[row])), shape_of(scene_id), strict=True)
        )
        return Window(scene_id, line, sample)
