"""`PatchRule`: which windows of a scene are patches with one label. `pure_windows`: all of them at once.

A window is a patch of the patch-based task when all its pixels have the same class, none is unlabelled, none lies near
the border of an ice-chart polygon, and not too much of it is land. Each rule is a count of marked pixels, and counts
come from summed-area tables, which serve every patch size, stride and share: another rule on the same scene reads
nothing again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from datasets.channels import LAND
from datasets.digest import digest_of
from datasets.labels import IGNORE, chart
from datasets.loading.windows import BORDER, land_pixels, near_border, window_starts
from datasets.patches.summed_area import SummedArea

_RULE_VERSION: Final = 1
"""Raised when the same rule comes to choose other windows: indexes made before have another digest then."""


class PatchRule(BaseModel):
    """What makes a window a patch.

    Attributes:
        ratio: Downscale ratio of the grid.
        target: Chart of the labels.
        patch_size: Side of a window in pixels of the ratio.
        stride: Pixels between windows (100: published).
        border_distance: Metres that every pixel is away from the border of an ice-chart polygon; 0 is no rule.
        max_land: Largest share of land pixels; 1 is no rule.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ratio: int = Field(ge=1)
    target: str = "SOD"
    patch_size: int = Field(ge=1)
    stride: int = Field(default=100, ge=1)
    border_distance: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)
    max_land: float = Field(default=1.0, ge=0.0, le=1.0)

    @field_validator("target")
    @classmethod
    def _known_chart(cls, name: str) -> str:
        return chart(name).name

    @property
    def digest(self) -> str:
        """Hash of the rule and of what it means, 12 hex digits."""
        return digest_of([_RULE_VERSION, self.model_dump(mode="json")])

    def starts(self, shape: tuple[int, int]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """First lines and first samples of the windows of a scene; empty along an axis that is too short."""
        lines, samples = (window_starts(length, self.patch_size, self.stride) for length in shape)
        return lines, samples

    def windows(self, shape: tuple[int, int]) -> int:
        """Number of windows of a scene; 0 where it is smaller than a patch."""
        lines, samples = self.starts(shape)
        return lines.size * samples.size


class SceneTables:
    """Summed-area tables of one scene, each made when first needed and then kept; 4 bytes per pixel and table.

    Args:
        read: Gives a variable of the scene whole, (lines, samples): `distance_map` as zones, `distance_to_border` in
            metres, the chart as uint8 with 255 = no label. Called once per variable and threshold.
        target: Chart of the labels.
    """

    def __init__(self, read: Callable[[str], NDArray[np.generic]], target: str) -> None:
        self._read = read
        self._target = target
        self._near_border: dict[float, SummedArea] = {}

    @cached_property
    def labels(self) -> NDArray[np.uint8]:
        """The chart, (lines, samples) uint8, 255 = no label."""
        return self._read(self._target).astype(np.uint8, copy=False)

    @cached_property
    def class_changes(self) -> SummedArea:
        """Pixels of another class than the one in the next line; no entry for the last line."""
        return SummedArea.of(self.labels[1:] != self.labels[:-1])

    @cached_property
    def land(self) -> SummedArea:
        """Land pixels."""
        return SummedArea.of(land_pixels(self._read(LAND).astype(np.float32, copy=False)))

    def near_border(self, metres: float) -> SummedArea:
        """Pixels nearer to a polygon border than `metres`."""
        if metres not in self._near_border:
            distance = self._read(BORDER).astype(np.float32, copy=False)
            self._near_border[metres] = SummedArea.of(near_border(distance, metres))
        return self._near_border[metres]

    def pure(self, lines: NDArray[np.int32], samples: NDArray[np.int32], size: int) -> NDArray[np.bool_]:
        """Which windows of a grid have one class and no unlabelled pixel, (lines, samples) bool.

        All pixels are equal when the first line is, and no pixel differs from the one below it; then one pixel gives
        the class, or shows that there is none. So one table is enough for any number of classes.
        """
        first = self.labels[lines]
        changes = np.zeros(first.shape, np.int32)
        np.cumsum(first[:, 1:] != first[:, :-1], axis=1, dtype=np.int32, out=changes[:, 1:])
        along = changes[:, samples + size - 1] - changes[:, samples]
        down = self.class_changes.counts(lines[:, None], samples[None], size - 1, size)
        equal: NDArray[np.bool_] = (along == 0) & (down == 0) & (first[:, samples] != IGNORE)
        return equal


@dataclass(frozen=True, kw_only=True, eq=False)
class ScenePatches:
    """The patches of one scene in order of line and sample, and how many windows each rule left over.

    Attributes:
        line: (patches,) int32, first line.
        sample: (patches,) int32, first sample.
        label: (patches,) uint8, the class.
        pure: Windows with one class and no unlabelled pixel.
        clear: Those of `pure` that are far enough from every polygon border.
    """

    line: NDArray[np.int32]
    sample: NDArray[np.int32]
    label: NDArray[np.uint8]
    pure: int
    clear: int


def pure_windows(tables: SceneTables, rule: PatchRule) -> ScenePatches:
    """Finds the patches of a scene; a variable that no window is left to be judged by is not read."""
    lines, samples = rule.starts(tables.labels.shape)
    size = rule.patch_size
    if not (lines.size and samples.size):
        lines, samples = lines[:0], samples[:0]
        grid = np.zeros((0, 0), np.bool_)
    else:
        grid = tables.pure(lines, samples, size)
    rows, columns = np.nonzero(grid)
    line, sample = lines[rows], samples[columns]
    pure = line.size
    if rule.border_distance > 0 and line.size:
        far = tables.near_border(rule.border_distance).counts(line, sample, size, size) == 0
        line, sample = line[far], sample[far]
    clear = line.size
    if rule.max_land < 1 and line.size:
        # The share itself is compared: 0.29 * 100 is below 29, and 29 / 100 is 0.29.
        sea = tables.land.counts(line, sample, size, size) / size**2 <= rule.max_land
        line, sample = line[sea], sample[sea]
    return ScenePatches(line=line, sample=sample, label=tables.labels[line, sample], pure=pure, clear=clear)
