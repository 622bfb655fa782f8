"""Patches of pixel-based training: random crops."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from datasets.errors import SplitError
from datasets.labels import IGNORE
from datasets.loading.batch import Window, inside
from datasets.loading.scene_reader import SceneReader
from datasets.loading.windows import draw_window, land_pixels
from datasets.patches.class_anchors import ClassAnchors
from datasets.plural import plural

_TRIES: Final = 1000

_OF_A_CLASS: Final = 50
"""Draws of one class before another is tried: around some classes all windows may be land or unlabelled."""

ShapeOf = Callable[[str], tuple[int, int]]
"""Lines and samples of a scene at the ratio."""


class RandomCrops:
    """A random scene, a random window, drawn again while too much of it is unlabelled or land.

    Crop k of epoch e depends on (seed, e, k) only, so neither workers nor restarts change what a trial sees. With a
    pool, it is one of the pool's crops, each of which depends on (seed, its number) only. A crop counts as unlabelled
    where none of the targets has a label.

    With anchors, a class is drawn first, each equally often, and the crop holds a square of it; a crop with too much
    that is unlabelled or land is drawn again for the same class.

    Args:
        scene_ids: Scenes to draw from, each equally often; with anchors each that has the class.
        patch_size: Side of a crop in pixels of the ratio.
        max_masked: Largest share of unlabelled pixels; a scene smaller than the crop is padded with unlabelled pixels.
        max_land: Largest share of land pixels; 1 is no rule.
        border_distance: Pixels nearer to a polygon border than these metres are unlabelled; 0 is no rule.
        length: Crops in an epoch.
        seed: Of all draws.
        pool: Number of different crops; None has no limit. The crops of a smaller pool are in every larger one.
        anchors: Where the scenes have which class; None draws without regard to classes.

    Raises:
        SplitError: No scene was given.
    """

    def __init__(
        self,
        scene_ids: Sequence[str],
        *,
        patch_size: int,
        max_masked: float,
        length: int,
        seed: int,
        max_land: float = 1.0,
        border_distance: float = 0.0,
        pool: int | None = None,
        anchors: ClassAnchors | None = None,
    ) -> None:
        if not scene_ids:
            raise SplitError("there is no training scene to draw patches from: choose other scenes")
        self.scene_ids = sorted(scene_ids)
        self.patch_size = patch_size
        self.max_masked = max_masked
        self.max_land = max_land
        self.judges_land = max_land < 1.0
        self.judged = max_masked < 1.0 or self.judges_land
        self.border_distance = border_distance
        self.length = length
        self.seed = seed
        self.pool = pool
        self.anchors = anchors

    def __len__(self) -> int:
        return self.length

    def candidates(self, shape_of: ShapeOf, epoch: int, place: int) -> Iterator[Window]:
        """Windows that one crop may be, in the order in which they are drawn: it is the first good one."""
        rng = np.random.default_rng((self.seed, epoch, place))
        if self.pool is not None:
            rng = np.random.default_rng((self.seed, int(rng.integers(self.pool))))
        yield from self._any(rng, shape_of) if self.anchors is None else self._of_classes(self.anchors, rng, shape_of)
        border = f", {self.border_distance:g} m from any border" if self.border_distance else ""
        raise SplitError(
            f"no window of {self.patch_size} pixels with at most {self.max_masked:.0%} unlabelled and "
            f"{self.max_land:.0%} land{border} was found in {_TRIES} draws from "
            f"{plural(len(self.scene_ids), 'scene')}: use a smaller "
            f"data.patch_size{' or data.border_distance' if border else ''}, or a larger data.max_masked or "
            "data.max_land"
        )

    def _any(self, rng: np.random.Generator, shape_of: ShapeOf) -> Iterator[Window]:
        for _ in range(_TRIES):
            scene_id = self.scene_ids[rng.integers(len(self.scene_ids))]
            lines, samples = draw_window(rng, shape_of(scene_id), self.patch_size)
            yield Window(scene_id, lines.start, samples.start)

    def _of_classes(self, anchors: ClassAnchors, rng: np.random.Generator, shape_of: ShapeOf) -> Iterator[Window]:
        for _ in range(_TRIES // _OF_A_CLASS):
            label = anchors.draw_class(rng)
            for _ in range(_OF_A_CLASS):
                yield anchors.draw(rng, label, shape_of, self.patch_size)

    def is_good(
        self, known: NDArray[np.integer], land: NDArray[np.integer], pixels: NDArray[np.integer]
    ) -> NDArray[np.bool_]:
        """Which windows may be a crop, by their labelled pixels, land pixels and pixels inside the scene, (N,) each."""
        enough: NDArray[np.bool_] = 1.0 - known / self.patch_size**2 <= self.max_masked
        return enough & (land / pixels <= self.max_land)

    def label(self, epoch: int, place: int) -> NDArray[np.uint8]:
        """Empty: the labels of a crop are those of its pixels."""
        return np.empty(0, np.uint8)

    def patch(self, reader: SceneReader, epoch: int, place: int) -> tuple[Window, NDArray[np.uint8]]:
        """Window and labels (targets, h, w) uint8 of one crop; smaller than the patch where the scene is."""
        for window in self.candidates(reader.shape, epoch, place):
            lines, samples = inside(window, (self.patch_size, self.patch_size), reader.shape(window.scene_id))
            labels = reader.labels(window.scene_id, lines, samples, border_distance=self.border_distance)
            known, pixels = _labelled(labels), np.array([labels[0].size])
            # Only where there are enough labels is it looked for land.
            if self.is_good(known, np.zeros(1, np.int64), pixels) and self.is_good(
                known, self._land(reader, window, lines, samples), pixels
            ):
                return window, labels
        raise AssertionError("the candidates end with an error")

    def _land(self, reader: SceneReader, window: Window, lines: slice, samples: slice) -> NDArray[np.integer]:
        """Land pixels of a window, (1,); 0, unread, where there is no rule."""
        if not self.judges_land:
            return np.zeros(1, np.int64)
        return np.array([np.count_nonzero(land_pixels(reader.land_distance(window.scene_id, lines, samples)))])


def _labelled(labels: NDArray[np.uint8]) -> NDArray[np.integer]:
    """Pixels of (targets, h, w) labels that have one of any target, (1,)."""
    known = labels[0] != IGNORE
    for others in labels[1:]:
        known |= others != IGNORE
    return np.array([np.count_nonzero(known)])
