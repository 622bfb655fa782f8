"""`PatchIndex`: where all patches of some scenes are, with the class of each; draws and subsets of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from datasets.errors import SplitError
from datasets.labels import Chart, chart
from datasets.patches.patch_rules import PatchRule
from datasets.plural import plural


class IndexedScene(BaseModel):
    """What the rule made of one scene; windows are fewer at each step.

    Attributes:
        scene_id: Which.
        fingerprint: Of the content that was looked at.
        windows: All windows; 0 where the scene is smaller than a patch.
        pure: Those with one class and no unlabelled pixel.
        clear: Those of `pure` that are far enough from every polygon border.
        patches: Those of `clear` with no more land than allowed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scene_id: str
    fingerprint: str
    windows: int = Field(ge=0)
    pure: int = Field(ge=0)
    clear: int = Field(ge=0)
    patches: int = Field(ge=0)


@dataclass(frozen=True, kw_only=True, eq=False)
class PatchIndex:
    """One row for each patch, in order of scene, line and sample; the arrays are read-only.

    Attributes:
        rule: Which the patches meet.
        scenes: All scenes that were looked at, in order of scene_id; a subset of the patches keeps them.
        scene: (patches,) int32, place of the patch's scene in `scenes`.
        line: (patches,) int32, first line, at the rule's ratio.
        sample: (patches,) int32, first sample.
        label: (patches,) uint8, class of the patch; never 255.
    """

    rule: PatchRule
    scenes: tuple[IndexedScene, ...]
    scene: NDArray[np.int32]
    line: NDArray[np.int32]
    sample: NDArray[np.int32]
    label: NDArray[np.uint8]

    def __post_init__(self) -> None:
        for name in ("scene", "line", "sample", "label"):
            values = getattr(self, name).view()
            values.flags.writeable = False
            object.__setattr__(self, name, values)

    @classmethod
    def joined(cls, parts: Sequence["PatchIndex"]) -> "PatchIndex":
        """Indexes of several scenes as one; all are of one rule, and at least one is given."""
        offsets = np.cumsum([0, *(len(part.scenes) for part in parts[:-1])])
        return cls(
            rule=parts[0].rule,
            scenes=tuple(scene for part in parts for scene in part.scenes),
            scene=np.concatenate([part.scene + np.int32(offset) for part, offset in zip(parts, offsets, strict=True)]),
            line=np.concatenate([part.line for part in parts]),
            sample=np.concatenate([part.sample for part in parts]),
            label=np.concatenate([part.label for part in parts]),
        )

    def __len__(self) -> int:
        return self.label.size

    @property
    def scene_ids(self) -> tuple[str, ...]:
        """Ids of `scenes`, which `scene` points into."""
        return tuple(scene.scene_id for scene in self.scenes)

    @property
    def too_small(self) -> tuple[str, ...]:
        """Ids of scenes with fewer lines or samples than a patch, which have no window."""
        return tuple(scene.scene_id for scene in self.scenes if not scene.windows)

    @property
    def chart(self) -> Chart:
        """The chart that the labels are of."""
        return chart(self.rule.target)

    @property
    def class_counts(self) -> NDArray[np.int64]:
        """(classes,) int64 patches of each class of the chart."""
        counts: NDArray[np.int64] = np.bincount(self.label, minlength=self.chart.n_classes).astype(np.int64)
        return counts

    @property
    def absent_classes(self) -> tuple[str, ...]:
        """Names of the classes that no patch has."""
        return tuple(
            name for name, count in zip(self.chart.classes, self.class_counts.tolist(), strict=True) if not count
        )

    @property
    def class_weights(self) -> NDArray[np.float64]:
        """(classes,) float64, inverse share of each class, averaging 1 over the patches; 0 for an absent class."""
        counts = self.class_counts
        present = counts > 0
        weights = np.zeros(counts.size)
        weights[present] = len(self) / (np.count_nonzero(present) * counts[present])
        return weights

    def subset(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> "PatchIndex":
        """These rows, in their order; bool arrays choose."""
        taken = {name: getattr(self, name)[rows] for name in ("scene", "line", "sample", "label")}
        return replace(self, **taken)

    def prefix(self, n: int, seed: int) -> "PatchIndex":
        """The first n patches of one seeded order of all: a smaller prefix is inside every larger one.

        Raises:
            SplitError: There are fewer patches.
        """
        if not 0 < n <= len(self):
            raise SplitError(
                f"{plural(n, 'patch is', 'patches are')} not possible, allowed are 1 to {len(self)}, all those of "
                f"{plural(len(self.scenes), 'scene')}: "
                "ask for fewer, or make more with a smaller stride"
            )
        order = np.random.default_rng(seed).permutation(len(self))
        return self.subset(np.sort(order[:n]))

    def balanced_rows(self, rng: np.random.Generator, n: int) -> NDArray[np.int64]:
        """Draws rows so that every class that occurs is drawn equally often (within one), in random order.

        A class with too few patches repeats them, each as often as any other (within one), and none before all of the
        class had their turn.

        Args:
            rng: Source of randomness.
            n: Rows to draw.

        Returns:
            (n,) int64 rows.

        Raises:
            SplitError: There is no patch to draw from.
        """
        present = rng.permutation(np.flatnonzero(self.class_counts))
        if not present.size:
            raise SplitError(f"{n} rows were to be drawn from an index without patches: give it scenes that have some")
        turns = rng.permutation(np.resize(present, n))
        rows = np.empty(n, np.int64)
        for label in present.tolist():
            own = np.flatnonzero(self.label == label)
            mine = np.flatnonzero(turns == label)
            rounds = [rng.permutation(own) for _ in range(-(-mine.size // own.size))]
            if rounds:
                rows[mine] = np.concatenate(rounds)[: mine.size]
        return rows
