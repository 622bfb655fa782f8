"""Smooth fields: cubic B-splines over coarse grids, evaluated for any strip of lines.

A spline of white noise is a correlated field; a spline of a 0/1 mask is a smooth membership, and since its
weights are positive and add to 1, the largest of several memberships is a partition with smooth borders.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

Field = NDArray[np.float32]

_SOFTNESS = 1.0  # coarse cells, standard deviation of the smoothing of a membership
_REACH = 3  # coarse cells beyond which a membership is cut off


def spline_matrix(n_out: int, n_in: int) -> sparse.csr_array:
    """Weights (n_out, n_in) float32 of a uniform cubic B-spline with `n_in` coefficients at `n_out` pixels.

    Rows add to 1; coefficients beyond an end repeat the last one.
    """
    at = (np.arange(n_out) + 0.5) * (n_in / n_out) - 0.5
    base = np.floor(at).astype(np.int64)
    t = at - base
    weights = np.stack(
        [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1
    )  # six times the B-spline basis
    columns = np.clip(base[:, None] + np.arange(-1, 3), 0, n_in - 1)
    rows = np.repeat(np.arange(n_out), 4)
    values = (weights / 6).astype(np.float32).ravel()
    return sparse.csr_array(sparse.coo_array((values, (rows, columns.ravel())), shape=(n_out, n_in)))


@dataclass(frozen=True, kw_only=True)
class Lattice:
    """Spline weights that carry a coarse grid to a scene of (lines, samples) pixels."""

    by_line: sparse.csr_array
    by_sample: sparse.csr_array

    @classmethod
    def between(cls, coarse: tuple[int, int], fine: tuple[int, int]) -> "Lattice":
        """Lattice from a grid of shape `coarse` to one of shape `fine`."""
        return cls(by_line=spline_matrix(fine[0], coarse[0]), by_sample=spline_matrix(fine[1], coarse[1]))

    def field(self, grid: Field, start: int = 0, stop: int | None = None) -> Field:
        """Values of `grid` at lines start..stop: (stop - start, samples) float32."""
        weights = self.by_line[start:stop]
        first, last = int(weights.indices.min()), int(weights.indices.max()) + 1
        rows = np.ascontiguousarray((self.by_sample @ grid[first:last].T).T)
        return np.asarray(weights[:, first:last] @ rows, dtype=np.float32)

    def partition(self, labels: NDArray[np.int16], start: int, stop: int) -> NDArray[np.int16]:
        """Label of largest membership at lines start..stop: (stop - start, samples) int16.

        Args:
            labels: Coarse label map, (coarse lines, coarse samples) int16, labels from 0 up.
            start: First line.
            stop: Line after the last.
        """
        weights = self.by_line[start:stop]
        first = max(0, int(weights.indices.min()) - _REACH)
        last = min(labels.shape[0], int(weights.indices.max()) + 1 + _REACH)
        window, weights = labels[first:last], weights[:, first:last]
        samples = self.by_sample.shape[0]
        largest = np.zeros((stop - start, samples), dtype=np.float32)
        winner = np.zeros((stop - start, samples), dtype=np.int16)
        # Pixel whose four coefficients start at a column: to visit only the samples that a label can reach.
        reach = np.floor((np.arange(samples) + 0.5) * (labels.shape[1] / samples) - 0.5).astype(np.int64)
        for label in np.unique(window):
            mask = window == label
            columns = np.flatnonzero(mask.any(axis=0))
            left = max(0, int(columns[0]) - _REACH)
            right = min(labels.shape[1], int(columns[-1]) + 1 + _REACH)
            low, high = (int(i) for i in np.searchsorted(reach, [left - 2, right + 1]))
            # The spline alone would leave the steps of the coarse grid visible in slanted borders.
            soft = ndimage.gaussian_filter(
                mask[:, left:right].astype(np.float32), _SOFTNESS, mode="nearest", radius=_REACH
            )
            part = self.by_sample[low:high, left:right] @ soft.T
            member = weights @ np.ascontiguousarray(part.T)
            view, chosen = largest[:, low:high], winner[:, low:high]
            better = member > view
            view[better] = member[better]
            chosen[better] = label
        return winner


def white_noise(rng: np.random.Generator, shape: tuple[int, int], spacing: float) -> tuple[Field, Lattice]:
    """Noise of unit variance whose blobs are about `spacing` pixels wide: coefficients, and their lattice."""
    coarse = (max(2, round(shape[0] / spacing)), max(2, round(shape[1] / spacing)))
    # A cubic B-spline keeps about 0.479 of the standard deviation of its coefficients along each axis pair.
    grid = rng.standard_normal(coarse, dtype=np.float32) / np.float32(0.479)
    return grid, Lattice.between(coarse, shape)


def octaves(rng: np.random.Generator, shape: tuple[int, int], widths: dict[float, float]) -> Field:
    """Sum of noises on a whole grid, standardized: (shape) float32.

    Args:
        rng: Source of the noise.
        shape: Shape of the result.
        widths: Weight of each blob width; widths are shares of the longer side.
    """
    total = np.zeros(shape, dtype=np.float32)
    for width, weight in widths.items():
        grid, lattice = white_noise(rng, shape, max(1.5, width * max(shape)))
        total += np.float32(weight) * lattice.field(grid)
    return standardized(total)


def standardized(values: Field) -> Field:
    """Mean 0, standard deviation 1; a constant stays 0."""
    centred = values - values.mean()
    return np.asarray(centred / max(float(centred.std()), 1e-6), dtype=np.float32)


def ramp(shape: tuple[int, int], angle: float) -> Field:
    """Plane that rises along a direction, standardized: (shape) float32; equal steps per pixel on both axes."""
    line, sample = np.ogrid[: shape[0], : shape[1]]
    return standardized((line * np.sin(angle) + sample * np.cos(angle)).astype(np.float32))
