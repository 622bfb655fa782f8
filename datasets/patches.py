"""Which windows of a scene may become patches: pure rules on label arrays."""

import numpy as np
from numpy.typing import NDArray

from datasets.labels import IGNORE


def masked_share(labels: NDArray[np.uint8]) -> float:
    """Share of pixels without a label (255); 1.0 for an empty window."""
    return float(np.mean(labels == IGNORE)) if labels.size else 1.0


def draw_window(rng: np.random.Generator, shape: tuple[int, int], size: int) -> tuple[slice, slice]:
    """Draws a window uniformly over all positions, the last row and column included.

    Args:
        rng: Source of randomness.
        shape: Lines and samples of the scene.
        size: Side of the patch.

    Returns:
        Slices of lines and samples; shorter than `size` where the scene is (see `pad_to`).
    """
    starts = [int(rng.integers(0, max(length - size, 0) + 1)) for length in shape]
    line, sample = (slice(start, min(start + size, length)) for start, length in zip(starts, shape, strict=True))
    return line, sample


def pad_to(values: NDArray[np.generic], size: int, fill: float | int) -> NDArray[np.generic]:
    """Pads the last two axes at their end to `size`: a scene smaller than a patch is used whole, not thrown away."""
    short = [max(size - length, 0) for length in values.shape[-2:]]
    if not any(short):
        return values
    widths = [(0, 0)] * (values.ndim - 2) + [(0, width) for width in short]
    return np.pad(values, widths, constant_values=fill)
