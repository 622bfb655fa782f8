"""Which patches of a scene are explained: every labelled pixel once, by windows side by side over whole scenes."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.channels import LAND
from datasets.labels import IGNORE
from datasets.loading.batch import Window
from datasets.loading.scene_reader import SceneReader
from datasets.loading.windows import land_pixels, window_starts
from datasets.patches.patch_index import PatchIndex

COUNTED = 1
"""Flag of a valid pixel; 0 is a valid one that another window counts, 255 is land, unlabelled or beyond the scene."""


@dataclass
class FlaggedWindows:
    """Windows with flags instead of labels: which pixels are explained; a `datasets.loading.batches.PatchSource`.

    `target` is the place of the chart among the reader's targets; `land` says whether the lake has `distance_map`.
    """

    windows: Sequence[Window]
    patch_size: int
    target: int
    land: bool

    def __len__(self) -> int:
        return len(self.windows)

    def patch(self, reader: SceneReader, epoch: int, place: int) -> tuple[Window, NDArray[np.uint8]]:
        """Window and flags (1, h, w) uint8, smaller than the patch where the scene is."""
        window, size = self.windows[place], self.patch_size
        starts = window.line, window.sample
        lines, samples = (
            slice(start, min(start + size, length))
            for start, length in zip(starts, reader.shape(window.scene_id), strict=True)
        )
        valid = reader.labels(window.scene_id, lines, samples)[self.target] != IGNORE
        if self.land:
            valid &= ~land_pixels(reader.land_distance(window.scene_id, lines, samples))
        flags = np.where(valid, np.uint8(COUNTED), np.uint8(IGNORE))
        # The last window ends with the scene, so its first pixels may lie in the one before, which counts them.
        seen_lines, seen_samples = (-start % size for start in starts)
        for seen in (flags[:seen_lines], flags[:, :seen_samples]):
            seen[seen == COUNTED] = 0
        return window, flags[None]


def has_land(reader: SceneReader) -> bool:
    """Whether the lake says where land is, at the reader's ratio."""
    return LAND in reader.lake.moments(f"r{reader.ratio}")


def cover(reader: SceneReader, scene_ids: Iterable[str], size: int) -> list[Window]:
    """Windows that cover scenes, side by side from the first pixel; the last of an axis ends with the scene.

    A scene that is smaller than a window is in one, whole.
    """
    found = []
    for scene_id in scene_ids:
        lines, samples = (window_starts(max(length, size), size, size).tolist() for length in reader.shape(scene_id))
        found += [Window(scene_id, line, sample) for line in lines for sample in samples]
    return found


def indexed(index: PatchIndex) -> list[Window]:
    """Windows of a patch index."""
    ids = index.scene_ids
    return [
        Window(ids[scene], line, sample)
        for scene, line, sample in zip(index.scene.tolist(), index.line.tolist(), index.sample.tolist(), strict=True)
    ]


def sampled(windows: Sequence[Window], per_scene: int, seed: int) -> list[Window]:
    """At most so many windows of every scene, drawn by seed and scene; in their old order."""
    by_scene: dict[str, list[int]] = {}
    for place, window in enumerate(windows):
        by_scene.setdefault(window.scene_id, []).append(place)
    kept: list[int] = []
    for scene_id, places in by_scene.items():
        rng = np.random.default_rng((seed, zlib.crc32(scene_id.encode())))
        kept += rng.permutation(places)[:per_scene].tolist()
    return [windows[place] for place in sorted(kept)]
