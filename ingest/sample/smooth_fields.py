"""Smooth fields: cubic B-splines over coarse grids, evaluated for any strip of lines.

A spline of white noise is a correlated field; a spline of a 0/1 mask is a smooth membership, and the largest of
several memberships is a partition with smooth borders.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.interpolate import BSpline

Field = NDArray[np.float32]

_SOFTENED = 3  # coarse cells that the smoothing of a membership reaches
_PAD = 2  # coefficients that repeat the first and the last one


class SmoothField:
    """A coarse grid of spline coefficients that stands for a field of many pixels."""

    def __init__(self, coefficients: Field, shape: tuple[int, int]) -> None:
        """Field of `shape` pixels over a grid (coarse lines, coarse samples)."""
        self._by_line = _weights(shape[0], coefficients.shape[0])
        across = _weights(shape[1], coefficients.shape[1]) @ np.pad(coefficients, _PAD, mode="edge").T
        self._across = np.ascontiguousarray(across.T)

    def strip(self, start: int = 0, stop: int | None = None) -> Field:
        """Values at lines start..stop: (stop - start, samples) float32."""
        return np.asarray(self._by_line[start:stop] @ self._across)


def enlarged_labels(labels: NDArray[np.int16], shape: tuple[int, int]) -> NDArray[np.int16]:
    """A coarse label map as one of `shape` pixels, with smooth borders: (lines, samples) int16.

    Args:
        labels: (coarse lines, coarse samples) int16, from 0 up.
        shape: Lines and samples.
    """
    weights = [_weights(fine, coarse) for fine, coarse in zip(shape, labels.shape, strict=True)]
    largest = np.zeros(shape, dtype=np.float32)
    winner = np.zeros(shape, dtype=np.int16)
    for label, box in enumerate(ndimage.find_objects(labels + 1)):
        if box is None:
            continue
        # The spline alone would leave the steps of the coarse grid visible in slanted borders.
        mask = (labels == label).astype(np.float32)
        soft = np.pad(ndimage.gaussian_filter(mask, 1.0, mode="nearest", radius=_SOFTENED), _PAD, mode="edge")
        # Only the pixels that a label can reach.
        reach = _SOFTENED + _PAD
        window = tuple(
            slice(max(0, (s.start - reach) * fine // coarse), (s.stop + reach) * fine // coarse + 1)
            for s, fine, coarse in zip(box, shape, labels.shape, strict=True)
        )
        member = weights[0][window[0]] @ (weights[1][window[1]] @ soft.T).T
        better = member > largest[window]
        largest[window][better] = member[better]
        winner[window][better] = label
    return winner


def white_noise(rng: np.random.Generator, shape: tuple[int, int], spacing: float) -> SmoothField:
    """Noise of unit variance whose blobs are about `spacing` pixels wide."""
    coarse = (max(2, round(shape[0] / spacing)), max(2, round(shape[1] / spacing)))
    # A cubic B-spline keeps about 0.479 of the standard deviation of its coefficients along each axis pair.
    return SmoothField(rng.standard_normal(coarse, dtype=np.float32) / np.float32(0.479), shape)


def octaves(rng: np.random.Generator, shape: tuple[int, int], widths: dict[float, float]) -> Field:
    """Sum of noises, standardized: (shape) float32.

    Args:
        rng: Source of the noise.
        shape: Shape of the result.
        widths: Weight of each blob width; widths are shares of the longer side.
    """
    total = np.zeros(shape, dtype=np.float32)
    for width, weight in widths.items():
        total += np.float32(weight) * white_noise(rng, shape, max(1.5, width * max(shape))).strip()
    return standardized(total)


def plane(shape: tuple[int, int], angle: float) -> Field:
    """Plane that rises by 1 per pixel along a direction, from 0 at the first pixel: (shape) float32."""
    line, sample = np.arange(shape[0]) * np.sin(angle), np.arange(shape[1]) * np.cos(angle)
    # Summed in float64 piece by piece: a whole scene of those would be 800 MB.
    return np.asarray(np.add.outer(line, sample, out=np.empty(shape, np.float32), casting="same_kind"))


def standardized(values: Field) -> Field:
    """Mean 0, standard deviation 1; a constant stays 0."""
    centred = values - values.mean()
    return np.asarray(centred / max(float(centred.std()), 1e-6), dtype=np.float32)


def _weights(pixels: int, coarse: int) -> sparse.csr_array:
    """B-spline weights (pixels, coarse + 2 * _PAD) float32 of coefficients that lie in the middle of coarse cells."""
    at = (np.arange(pixels) + 0.5) * (coarse / pixels) - 0.5
    knots = np.arange(-_PAD - 2.0, coarse + _PAD + 2.0)
    return sparse.csr_array(BSpline.design_matrix(at, knots, 3).astype(np.float32))
