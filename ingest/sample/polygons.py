"""Polygons of one ice chart, drawn on a coarse grid; splines carry their borders to 40 m pixels.

Land is where a rough plane is high. The sea is ranked from the open side to the pack: below a quantile lies
open water, above it bands of ice, cut into cells of a warped weighted Voronoi pattern, with fast ice along the
shore, holes in the pack and strips off the edge.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ingest.sample.smooth_fields import Field, octaves, plane, standardized

Kind = Literal["water", "pack", "fast", "hole", "strip"]

LAND = 0
"""Label of land; polygons count from 1."""

_MOST_POLYGONS = 42
_FEWEST_POLYGONS = 14
_LONG_SIDE = (200, 640)  # coarse cells; one cell is at most 16 pixels of a whole scene
_SMALLEST_SHARE = 5e-4  # of the image, so about 50 km2 in a whole scene
_SPECK = 12  # cells of an island or lake too small to show


class Shares(NamedTuple):
    """What a chart should show: land by share of the image, water by share of the sea, fast ice along the shore."""

    land: float
    water: float
    fast: bool


class Polygon(NamedTuple):
    """What made a polygon, and its mean depth in the ice by area: 0 at the ice edge (and in water) to 1 in the pack."""

    kind: Kind
    depth: float


def coarse_shape(lines: int, samples: int) -> tuple[int, int]:
    """Coarse cells along lines and samples for a scene."""
    scale = np.clip(max(lines, samples) // 4, *_LONG_SIDE) / max(lines, samples)
    return max(8, round(lines * scale)), max(8, round(samples * scale))


def draw_polygons(
    rng: np.random.Generator, shape: tuple[int, int], shares: Shares
) -> tuple[NDArray[np.int16], list[Polygon]]:
    """Draws land and polygons: labels (shape) int16, 0 = land, and the polygon behind each label from 1 up."""
    tilt = float(rng.uniform(0, 2 * np.pi))
    rough = octaves(rng, shape, {0.5: 0.9, 0.25: 0.7, 0.12: 0.5, 0.06: 0.28, 0.03: 0.18})
    elevation = 0.8 * standardized(plane(shape, tilt)) + rough
    land = _without_specks(elevation > np.quantile(elevation, 1 - shares.land))
    # Ice tends to lie on the land side, but winds and currents have a say.
    towards = standardized(plane(shape, tilt + float(rng.normal(0, 0.8))))
    iciness = towards + 0.7 * octaves(rng, shape, {0.5: 1.0, 0.25: 0.6, 0.12: 0.3, 0.05: 0.1})
    ordered = np.sort(iciness[~land])
    rank = (np.searchsorted(ordered, iciness) / max(1, ordered.size)).astype(np.float32)
    cells = 5
    while True:
        labels, kinds = _pieces(*_sketch(rng, rank, land, shares, cells))
        if len(kinds) >= _FEWEST_POLYGONS or cells > 40:
            break
        cells *= 2  # a scene of almost only water, or of almost only land
    depth = np.clip((rank - shares.water) / max(1e-6, 1 - shares.water), 0, 1)
    depths = ndimage.mean(depth, labels, np.arange(1, len(kinds) + 1))
    return labels, [
        Polygon(kind=kind, depth=0.0 if kind == "water" else float(mean))
        for kind, mean in zip(kinds, depths, strict=True)
    ]


def _sketch(
    rng: np.random.Generator, rank: Field, land: NDArray[np.bool_], shares: Shares, cells: int
) -> tuple[NDArray[np.int32], list[Kind]]:
    """A number for each patch before it falls into pieces, and the kind behind each number; 0 is land."""
    shape = land.shape
    kinds: list[Kind] = ["water"]  # place of land, never read
    codes = np.zeros(shape, dtype=np.int32)

    def paint(where: NDArray[np.bool_], pattern: NDArray[np.int32], kind: Kind) -> None:
        codes[where] = pattern[where] + len(kinds)
        kinds.extend([kind] * (int(pattern.max()) + 1))

    ice = rank >= shares.water
    paint(~land & ~ice, _voronoi(rng, shape, max(3, cells // 2)), "water")
    within = (rank - shares.water) / max(1e-6, 1 - shares.water)
    cuts = np.array([0.1, 0.27, 0.55]) * rng.uniform(0.6, 1.4, 3)
    # Each cut has its own wiggles: bands swell, pinch off and come back.
    band = sum((within + 0.05 * octaves(rng, shape, {0.3: 1.0, 0.1: 0.6}) > cut).astype(np.int32) for cut in cuts)
    for i in range(len(cuts) + 1):
        paint(~land & ice & (band == i), _voronoi(rng, shape, cells + int(rng.integers(3))), "pack")
    speckled = octaves(rng, shape, {0.1: 1.0, 0.05: 0.5})
    one = np.zeros(shape, dtype=np.int32)
    paint(~land & (within > 0.25) & (speckled > 2.2), one, "hole")
    paint(~land & ~ice & (rank > shares.water - 0.2) & (speckled > 1.7) & (shares.water < 1), one, "strip")
    if shares.fast and land.any():
        width = rng.uniform(0.015, 0.05) * max(shape)
        reach = width * (1 + 0.6 * octaves(rng, shape, {0.25: 1.0, 0.1: 0.5}))
        shore = ndimage.distance_transform_edt(~land) < reach
        paint(~land & ice & shore, _voronoi(rng, shape, 6), "fast")
    return codes, kinds


def _voronoi(rng: np.random.Generator, shape: tuple[int, int], cells: int) -> NDArray[np.int32]:
    """Cells around random points, bent by noise and of unequal size: (shape) int32 from 0 up."""
    line, sample = (
        axis + 0.06 * max(shape) * octaves(rng, shape, {0.3: 1.0, 0.1: 0.4})
        for axis in np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    )
    distances: list[NDArray[np.float32]] = []
    for _ in range(cells):
        at, weight = rng.uniform(0, shape), np.exp(rng.normal(0, 0.35))
        distances.append(np.hypot(line - at[0], sample - at[1]).astype(np.float32) * np.float32(weight))
    owner: NDArray[np.int32] = np.argmin(distances, axis=0).astype(np.int32)
    return owner


def _pieces(codes: NDArray[np.int32], kinds: list[Kind]) -> tuple[NDArray[np.int16], list[Kind]]:
    """Connected pieces as labels from 1 up; pieces too small for a chart go to their neighbour."""
    pieces = np.zeros(codes.shape, dtype=np.int32)
    kind_of: list[Kind] = ["water"]  # place of land, never read
    for code in np.unique(codes[codes > 0]):
        found, count = ndimage.label(codes == code)
        pieces[found > 0] = found[found > 0] + len(kind_of) - 1
        kind_of += [kinds[code]] * count
    areas = np.bincount(pieces.ravel(), minlength=len(kind_of))
    smallest = max(12, round(_SMALLEST_SHARE * codes.size))
    alive = len(kind_of) - 1
    for piece in 1 + np.argsort(areas[1:], kind="stable"):
        if areas[piece] >= smallest and alive <= _MOST_POLYGONS:
            break
        mine = pieces == piece
        votes = np.bincount(pieces[ndimage.binary_dilation(mine) & ~mine], minlength=1)
        votes[LAND] = 0
        heir = int(votes.argmax())  # land, if no other piece lies beside it
        pieces[mine] = heir
        areas[heir] += areas[piece]
        alive -= 1
    kept = np.unique(pieces[pieces != LAND])
    renumber = np.zeros(len(kind_of), dtype=np.int16)
    renumber[kept] = np.arange(1, len(kept) + 1)
    return renumber[pieces], [kind_of[piece] for piece in kept]


def _without_specks(land: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Drops islands and lakes of a few cells."""
    for value in (True, False):
        found, count = ndimage.label(land == value)
        small = np.bincount(found.ravel(), minlength=count + 1) < _SPECK
        small[0] = False
        land = np.where(small[found], not value, land)
    return land
