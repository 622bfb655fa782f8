"""Geolocation from tie points, and the distance of each pixel to the border of its polygon."""

import itertools
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from typing import Final

import edt
import numpy as np
from numpy.typing import NDArray

from datasets.chart_rasters import runs
from datasets.grids import NATIVE_SPACING, interpolate
from datasets.process.threads import threads
from datasets.sigrid import NO_POLYGON
from datasets.stores.raster import ComputedRaster, Raster, Window
from datasets.tie_grid import LONGITUDE, TieGrid, wrapped
from ingest.moments import Moments

_TILE: Final = 1 << 15
"""Pixels at a time, of some lines between two nodes, so that the passes over them stay in the processor's cache."""

_LABELLED_LINES: Final = 64


class TiePoints(TieGrid):
    """The geolocation grid of a scene, and its fields at every ratio."""

    def field(self, name: str, shape: tuple[int, int], ratio: int, *, step: float = 0.0) -> NDArray[np.float32]:
        """All of `raster` at once."""
        return self.raster(name, shape, ratio, step=step)[:, :]

    def raster(self, name: str, shape: tuple[int, int], ratio: int, *, step: float = 0.0) -> Raster:
        """Bilinear interpolation on the tie-point grid, averaged over the blocks of a ratio.

        Linear interpolation is a matrix along each axis, so the mean over blocks is the mean of its rows: the result is
        the block mean of the full-resolution field without making that field.

        Args:
            name: Field.
            shape: Full-resolution lines and samples.
            ratio: Side of a block; 1 for the field itself.
            step: A power of two that values are rounded to multiples of; 0 does not round.

        Returns:
            (lines // ratio, samples // ratio) float32 degrees, made window by window; longitude in -180..180.
        """
        # Of step, a power of two, the fields are a multiple from here on: exact, and a pass less.
        nodes_in_steps = self.fields[name] / (step or 1.0)
        along = np.einsum("ni,ij->nj", self._weights(0, shape[0], ratio), nodes_in_steps)
        across = self._weights(1, shape[1], ratio).T
        wraps = self._wraps(name)

        def window(place: Window) -> NDArray[np.float32]:
            on_lines, weights = along[place[0]], across[:, place[1]]
            result = np.empty((on_lines.shape[0], weights.shape[1]), np.float32)
            for samples, nodes in _bands(weights):
                band = np.ascontiguousarray(weights[nodes, samples])
                for lines in _strips(result.shape[0], band.shape[1]):
                    tile = on_lines[lines, nodes] @ band
                    if wraps:
                        tile = wrapped(tile * (step or 1.0)) / (step or 1.0)
                    if step:
                        np.rint(tile, out=tile)
                    np.multiply(tile, step or 1.0, out=result[lines, samples], casting="same_kind")
            return result

        return ComputedRaster((along.shape[0], across.shape[1]), np.dtype(np.float32), along.nbytes, window)

    def moments(self, name: str, shape: tuple[int, int], ratio: int) -> Moments:
        """Moments of `field` from the tie points only: sums over a product of matrices are products of their sums."""
        if self._wraps(name):
            return Moments.of(self.field(name, shape, ratio))
        along = self._weights(0, shape[0], ratio)
        across = self._weights(1, shape[1], ratio)
        # einsum and not BLAS, whose sums depend on its threads: the fingerprint of a scene hashes these digits.
        mean = float(np.einsum("i,ij,j", along.mean(axis=0), self.fields[name], across.mean(axis=0)))
        deviations = self.fields[name] - mean  # weights of a pixel add up to one
        lines, samples = (np.einsum("ni,nj->ij", weights, weights) for weights in (along, across))
        spread = np.einsum("ik,kl->il", lines, np.einsum("kj,jl->kl", deviations, samples))
        m2 = float(np.sum(spread * deviations))
        return Moments(count=along.shape[0] * across.shape[0], mean=mean, m2=max(m2, 0.0))

    @cached_property
    def _weights(self) -> Callable[[int, int, int], NDArray[np.float64]]:
        """`_block_weights` of an axis, its length and a ratio, made once for all fields."""
        return cache(lambda axis, size, ratio: _block_weights((self.lines, self.samples)[axis], size, ratio))

    def _wraps(self, name: str) -> bool:
        return name == LONGITUDE and bool(np.abs(self.fields[name]).max() > 180)


def squared_distance_to_border(ids: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Squared Euclidean distance of each pixel to the nearest pixel of another polygon or of none.

    Args:
        ids: (lines, samples) uint16 polygon ids, `datasets.sigrid.NO_POLYGON` (65535) where there is none.

    Returns:
        (lines, samples) float32 square metres between pixel centres; 0 where there is no polygon. The image frame is no
        border; inf where one polygon fills the scene.
    """
    squares: NDArray[np.float32] = edt.edtsq(
        _labels(ids), anisotropy=(NATIVE_SPACING, NATIVE_SPACING), black_border=False, parallel=threads()
    )
    return squares


def _labels(ids: NDArray[np.uint16]) -> NDArray[np.unsignedinteger]:
    """Labels of polygons, 0 where there is none: the background of the transform.

    It goes through columns, so memory bounds it: bytes, where there are so few polygons, make it a sixth faster.
    """
    labels, table = np.empty(ids.shape, np.uint8), np.zeros(NO_POLYGON + 1, np.uint8)
    known = 0
    for start in range(0, ids.shape[0], _LABELLED_LINES):
        lines = slice(start, start + _LABELLED_LINES)
        values, lengths = runs(ids[lines])
        fresh = np.setdiff1d(values[table[values] == 0], NO_POLYGON)
        if known + fresh.size > np.iinfo(np.uint8).max:
            return ids + np.uint16(1)  # 65535 + 1 wraps to 0, and the real id 0 becomes 1
        table[fresh] = np.arange(known + 1, known + 1 + fresh.size)
        known += fresh.size
        labels[lines] = table[values].repeat(lengths).reshape(-1, ids.shape[1])
    return labels


def _block_weights(nodes: NDArray[np.float64], size: int, ratio: int) -> NDArray[np.float64]:
    """(size // ratio, nodes): row k turns node values into the mean over pixels k * ratio .. of their interpolation."""
    blocks = size // ratio
    index = np.interp(np.arange(blocks * ratio), nodes, np.arange(nodes.size))
    weights = interpolate(np.eye(nodes.size), index, axis=0)
    means: NDArray[np.float64] = weights.reshape(blocks, ratio, nodes.size).mean(axis=1)
    return means


def _bands(weights: NDArray[np.float64]) -> list[tuple[slice, slice]]:
    """Runs of columns of (nodes, samples) weights, and the few nodes that each run has weights of.

    A seventh of the work of the whole product; and products this small BLAS does in the calling thread, where its own
    threads would spin for the processors that encode.
    """
    used = weights != 0
    first = used.argmax(axis=0)
    last = used.shape[0] - used[::-1].argmax(axis=0)
    edges = [0, *(np.flatnonzero(np.diff(first)) + 1).tolist(), first.size]
    return [
        (slice(start, stop), slice(int(first[start]), int(last[start:stop].max())))
        for start, stop in itertools.pairwise(edges)
    ]


def _strips(lines: int, width: int) -> Iterator[slice]:
    step = max(1, _TILE // width)
    return (slice(start, min(start + step, lines)) for start in range(0, lines, step))
