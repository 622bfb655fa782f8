"""Which windows random crops can be, and which of them count as labelled."""

from typing import Any

import numpy as np

from datasets.loading.windows import draw_window
from datasets.patches.crops import RandomCrops


def test_crops_reach_the_first_and_the_last_line_and_sample() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_window(rng, (20, 18), 16) for _ in range(300)]
    assert {lines.start for lines, _ in drawn} == {0, 1, 2, 3, 4}
    assert {samples.start for _, samples in drawn} == {0, 1, 2}
    assert all(lines.stop - lines.start == samples.stop - samples.start == 16 for lines, samples in drawn)


class HalfLabelled:
    """A scene whose first chart is known in the left half, and the second in the right one."""

    def shape(self, scene_id: str) -> tuple[int, int]:
        return 16, 16

    def labels(
        self, scene_id: str, lines: slice, samples: slice, border_distance: float
    ) -> np.ndarray[Any, np.dtype[np.uint8]]:
        charts = np.full((2, 16, 16), 255, np.uint8)
        charts[0, :, :8], charts[1, :, 8:] = 1, 2
        return charts[:, lines, samples]


def test_a_pixel_counts_as_labelled_where_any_chart_knows_it() -> None:
    crops = RandomCrops(["scene"], patch_size=16, max_masked=0.0, length=1, seed=0)
    window, labels = crops.patch(HalfLabelled(), 0, 0)  # type: ignore[arg-type]
    assert window == ("scene", 0, 0)
    assert (labels == 255).sum() == 16 * 16
