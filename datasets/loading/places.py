"""`Places`: windows in `ResidentScenes`, by numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.loading.batch import Window
from datasets.loading.resident import ResidentScenes


@dataclass(frozen=True, kw_only=True)
class Places:
    """Windows of one shape in resident scenes, by numbers.

    Attributes:
        scene: (N,) int64, place of the scene among those held.
        line: (N,) int64, first line; `sample` likewise.
        shape: Lines and samples of every window; what lies beyond the scene is no data.
    """

    scene: NDArray[np.int64]
    line: NDArray[np.int64]
    sample: NDArray[np.int64]
    shape: tuple[int, int]

    @classmethod
    def of(cls, scenes: ResidentScenes, windows: Sequence[Window], shape: tuple[int, int]) -> "Places":
        """The places of windows whose scenes are all held."""
        rows = [(scenes.place_of[window.scene_id], window.line, window.sample) for window in windows]
        scene, line, sample = np.array(rows, np.int64).reshape(-1, 3).T
        return cls(scene=scene, line=line, sample=sample, shape=shape)

    def windows(self, scenes: ResidentScenes) -> tuple[Window, ...]:
        """The same by the ids of scenes."""
        rows = zip(self.scene.tolist(), self.line.tolist(), self.sample.tolist(), strict=True)
        return tuple(Window(scenes.scene_ids[scene], line, sample) for scene, line, sample in rows)

    def part(self, rows: slice) -> "Places":
        """Some of them."""
        return Places(scene=self.scene[rows], line=self.line[rows], sample=self.sample[rows], shape=self.shape)

    def inside(self, scenes: ResidentScenes) -> NDArray[np.int64]:
        """(N, 2) lines and samples of each window that lie in its scene."""
        starts = np.stack([self.line, self.sample], axis=1)
        kept: NDArray[np.int64] = np.minimum(scenes.shapes[self.scene] - starts, self.shape)
        return kept
