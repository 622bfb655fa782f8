"""Which patches are exported: every window of a scene's grid with enough labels, and a seeded draw of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.export.settings import ExportSettings
from datasets.labels import IGNORE
from datasets.patches.patch_rules import PatchRule


@dataclass(frozen=True, kw_only=True)
class Patch:
    """One patch.

    Attributes:
        scene_id: Its scene.
        line: First line at the ratio.
        sample: First sample.
        counts: Pixels of every class, and those without a label as the last.
    """

    scene_id: str
    line: int
    sample: int
    counts: tuple[int, ...]

    @property
    def name(self) -> str:
        """Of its files, without a suffix: `20180325T194759_dmi_00512_01024`; in order of scene, line and sample."""
        return f"{self.scene_id}_{self.line:05d}_{self.sample:05d}"


def patches_of(scene_id: str, labels: NDArray[np.uint8], settings: ExportSettings) -> list[Patch]:
    """The patches of a scene, in order of line and sample; labels are (lines, samples) uint8, 255 = no label."""
    rule = PatchRule(ratio=settings.ratio, target=settings.target, patch_size=settings.patch, stride=settings.stride)
    lines, samples = rule.starts((labels.shape[0], labels.shape[1]))
    side, classes = settings.patch, settings.chart.n_classes
    found = []
    for line in lines.tolist():
        for sample in samples.tolist():
            counts = np.bincount(labels[line : line + side, sample : sample + side].ravel(), minlength=IGNORE + 1)
            if counts[IGNORE] / side**2 <= settings.max_masked:
                kept = (*counts[:classes].tolist(), int(counts[IGNORE]))
                found.append(Patch(scene_id=scene_id, line=line, sample=sample, counts=kept))
    return found


def drawn(patches: Sequence[Patch], settings: ExportSettings) -> list[Patch]:
    """At most `limit` of the patches, in their order: those of a smaller limit are in every larger one."""
    if settings.limit is None or settings.limit >= len(patches):
        return list(patches)
    order = np.random.default_rng(settings.seed).permutation(len(patches))
    return [patches[place] for place in sorted(order[: settings.limit].tolist())]
