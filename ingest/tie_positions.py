"""Where the tie points of a ready-to-train file lie: the file gives their latitude and longitude, not their pixels.

Rule of the raw files, which the ready-to-train product was made from: an axis of N pixels of 40 m and k points has them
at multiples of ceil(N / (k - 1)), and the last one at pixel N - 1. It reproduces the published mean and standard
deviation of sar_grid_line and sar_grid_sample of a raw scene (20180124T194759_dmi) to all digits. That it holds for
every scene is inferred. N itself is known up to one pixel, because 80 m files drop an odd last pixel; which of the two
it was, and whether the axis is flipped, is read from the distances between the points: the last interval is shorter.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def tie_positions(
    latitude: NDArray[np.float64], longitude: NDArray[np.float64], halves: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions of a grid of tie points.

    Args:
        latitude: (n, m) degrees, first axis along the lines.
        longitude: (n, m) degrees.
        halves: Lines and samples of the 80 m raster.

    Returns:
        (n,) lines and (m,) samples, float64, rising, in pixels of 40 m.
    """
    lat, lon = np.radians(latitude), np.radians(longitude)
    points = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    steps = [np.linalg.norm(np.diff(points, axis=axis), axis=-1).mean(axis=1 - axis) for axis in (0, 1)]
    lines, samples = (_axis(half, step) for half, step in zip(halves, steps, strict=True))
    return lines, samples


def tie_axis(size: int, points: int) -> NDArray[np.float64]:
    """Tie points of an axis of `size` pixels by the rule of the raw files: (points,) float64 pixels, from 0.

    On axes of a few hundred pixels the rounded-up step would run past the end; there it is rounded down.
    """
    step = -(-size // (points - 1))
    if (points - 2) * step >= size - 1:
        step = size // (points - 1)
    return np.append(np.arange(points - 1) * step, size - 1).astype(np.float64)


def _axis(half: int, observed: NDArray[np.float64]) -> NDArray[np.float64]:
    def misfit(axis: NDArray[np.float64]) -> float:
        expected = np.diff(axis)
        return float(np.abs(expected / expected.sum() - observed / observed.sum()).max())

    return min(_candidates(half, observed.size + 1), key=misfit)


def _candidates(half: int, points: int) -> Iterator[NDArray[np.float64]]:
    for size in (2 * half, 2 * half + 1):
        axis = tie_axis(size, points)
        yield axis
        yield size - 1 - axis[::-1]
