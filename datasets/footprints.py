"""Footprints of many scenes as arrays: which touch, how far apart they are, which is nearest in space or in time.

Pure numpy. Half a million scenes are compared by what cannot be near: boxes around blocks of footprints first, then a
bound for a pair from the gaps between two boxes, and only then the distance of points.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_EARTH_KM: Final = 6371.0
_ALONG: Final = np.linspace(0, 1, 9)
"""Points along each side of a box, as shares of it."""
BLOCK: Final = 64
"""Footprints that lie beside each other, looked at together."""
MOST: Final = 1024
"""Scenes before and after one that are looked at in order of time, before all are looked at in space."""
_ROWS: Final = 512
_PAIRS: Final = 1_000_000
"""Pairs that are looked at together: some hundred MB."""

Places = NDArray[np.intp]
Near = Callable[[Places, Places], NDArray[np.bool_]]
"""Of places in the one and in the other footprints, (pairs,) each, which pairs count."""
Measure = Callable[[Places, Places], NDArray[np.generic]]
"""Of the same, how far apart they are in one sense."""


@dataclass(frozen=True)
class Footprints:
    """Boxes and times of scenes; a scene lies within its box.

    Attributes:
        boxes: (scenes, 5) float64: west in [0, 360), width, south and north in degrees, least cosine of a latitude.
        times: (scenes,) int64, microseconds.
    """

    boxes: NDArray[np.float64]
    times: NDArray[np.int64]

    @classmethod
    def of(cls, boxes: NDArray[np.float64], times: NDArray[np.int64]) -> "Footprints":
        """Of boxes (scenes, 4) of west, south, east, north in degrees; west > east crosses the antimeridian."""
        west, south, east, north = boxes.T
        least = np.cos(np.radians(np.maximum(np.abs(south), np.abs(north))))
        return cls(np.stack([west % 360, (east - west) % 360, south, north, least], axis=1), times)

    def __len__(self) -> int:
        return len(self.times)

    def take(self, places: Places) -> "Footprints":
        """Some of them."""
        return Footprints(self.boxes[places], self.times[places])


def _gaps(one: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Degrees of longitude and latitude between boxes (..., 5), 0 where they overlap in these."""
    ahead = other[..., 0] - one[..., 0]
    ahead += 360 * (ahead < 0)
    across = np.minimum(ahead - one[..., 1], 360 - ahead - other[..., 1])
    along = np.maximum(other[..., 2] - one[..., 3], one[..., 2] - other[..., 3])
    return np.maximum(across, 0), np.maximum(along, 0)


def touch(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether boxes (..., 5) touch; those that reach the same pole do."""
    across, along = _gaps(one, other)
    poles = (np.minimum(one[..., 3], other[..., 3]) >= 90) | (np.maximum(one[..., 2], other[..., 2]) <= -90)
    found: NDArray[np.bool_] = ((across == 0) & (along == 0)) | poles
    return found


def at_least(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kilometres that boxes (..., 5) are apart or more: the haversine of their gaps, less a metre for rounding."""
    across, along = _gaps(one, other)
    haversine = np.sin(np.radians(along) / 2) ** 2
    haversine += one[..., 4] * other[..., 4] * np.sin(np.radians(across) / 2) ** 2
    found: NDArray[np.float64] = 2 * _EARTH_KM * np.arcsin(np.sqrt(haversine))
    return found - 1e-3


def _apart(of: Footprints, among: Footprints) -> Measure:
    """Microseconds between the scenes of pairs."""
    return lambda rows, others: np.abs(of.times[rows] - among.times[others])


def _away(of: Footprints, among: Footprints) -> Measure:
    """Kilometres between the scenes of pairs."""
    return lambda rows, others: distance_km(of.boxes[rows], among.boxes[others])


def distance_km(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kilometres between boxes (pairs, 5): 0 where they touch, else between the nearest points of grids over them."""
    found = np.empty(len(one))
    for start in range(0, len(one), _PAIRS // 64):
        part = slice(start, start + _PAIRS // 64)
        found[part] = _distance_km(one[part], other[part])
    return found


def _distance_km(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    east, east2 = (np.radians(box[:, :1] + box[:, 1:2] * _ALONG) for box in (one, other))
    north, north2 = (np.radians(box[:, 2:3] + (box[:, 3:4] - box[:, 2:3]) * _ALONG) for box in (one, other))
    # No cosine of a latitude is below 0: the nearest pair of longitudes is nearest at every latitude.
    across = np.cos(east[:, :, None] - east2[:, None, :]).max(axis=(1, 2))[:, None, None]
    cosines = np.sin(north)[:, :, None] * np.sin(north2)[:, None, :]
    cosines += np.cos(north)[:, :, None] * np.cos(north2)[:, None, :] * across
    angles = np.arccos(np.clip(cosines.max(axis=(1, 2)), -1, 1))
    return np.where(touch(one, other), 0.0, _EARTH_KM * angles)


def first_in_time(
    of: Footprints, among: Footprints, near: Near, within: float = np.inf
) -> tuple[Places, NDArray[np.bool_]]:
    """For each scene the nearest in time of those that count, of several the first.

    Args:
        of: Scenes.
        among: Others, at least one.
        near: Which pairs count.
        within: Microseconds beyond which nobody needs to look.

    Returns:
        Places in `among`, (of,), -1 where none was found; and where that may not be the nearest, since more than `MOST`
        others before or after are as near in time.
    """
    order = np.argsort(among.times, kind="stable")
    times = among.times[order]
    found, unknown = np.full(len(of), -1, np.intp), np.zeros(len(of), np.bool_)
    for start in range(0, len(of), _ROWS):
        rows = np.arange(start, min(start + _ROWS, len(of)))
        left = right = middle = np.searchsorted(times, of.times[rows])
        wide = min(32, MOST)
        while rows.size:
            first, last = np.maximum(middle - wide, 0), np.minimum(middle + wide, len(times))
            for begins, ends in ((first, left), (right, last)):
                each, places = expand(begins, ends)
                counts = near(rows[each], order[places])
                _keep_best(found, rows[each][counts], order[places][counts], _apart(of, among))
            now = of.times[rows]
            before = np.where(first > 0, now - times[first - 1], np.inf)
            after = np.where(last < len(times), times[np.minimum(last, len(times) - 1)] - now, np.inf)
            unseen = np.minimum(before, after)
            so_far = np.where(found[rows] < 0, np.inf, np.abs(among.times[found[rows]] - now))
            left, right = first, last
            open_ = (so_far >= unseen) & (unseen <= within) & (unseen < np.inf)
            if wide >= MOST:
                unknown[rows[open_]] = True
                break
            rows, left, right, middle = rows[open_], left[open_], right[open_], middle[open_]
            wide = min(2 * wide, MOST)
    return found, unknown


def _keep_best(found: Places, rows: Places, others: Places, *measures: Measure) -> None:
    """Puts into `found` the best of these pairs and of what is there: least by each measure in turn, then the first."""
    held = np.unique(rows)
    held = held[found[held] >= 0]
    rows, others = np.concatenate([rows, held]), np.concatenate([others, found[held]])
    order = np.lexsort((others, *(measure(rows, others) for measure in reversed(measures)), rows))
    each, where = np.unique(rows[order], return_index=True)
    found[each] = others[order][where]


def expand(starts: Places, ends: Places) -> tuple[Places, Places]:
    """Row and place of every place from `starts` (rows,) up to `ends`, which are not below them."""
    counts = ends - starts
    rows = np.repeat(np.arange(len(counts)), counts)
    return rows, np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts - starts, counts)


def nearest_in_time(of: Footprints, among: Footprints) -> Places:
    """For each scene the nearest in time, of several that in space, of these the first; `among` has at least one."""
    order = np.argsort(among.times, kind="stable")
    times, now = among.times[order], of.times
    after = np.searchsorted(times, now)
    apart = np.minimum(
        np.abs(now - times[np.maximum(after - 1, 0)]), np.abs(times[np.minimum(after, len(times) - 1)] - now)
    )
    sides = [(np.searchsorted(times, at), np.searchsorted(times, at, "right")) for at in (now - apart, now + apart)]
    counts = np.cumsum(sum(ends - begins for begins, ends in sides))
    found = np.full(len(of), -1, np.intp)
    for rows in np.split(np.arange(len(of)), np.flatnonzero(np.diff(counts // _PAIRS)) + 1):
        pairs = [expand(begins[rows], ends[rows]) for begins, ends in sides]
        each, places = (np.concatenate(both) for both in zip(*pairs, strict=True))
        _keep_best(found, rows[each], order[places], _away(of, among))
    return found


class Blocks:
    """Footprints in blocks of `BLOCK` that lie beside each other, each with a box around it."""

    def __init__(self, footprints: Footprints) -> None:
        self._of = footprints
        count = len(footprints)
        west, width, south, north, _ = footprints.boxes.T
        strips = max(round((count / BLOCK) ** 0.5), 1)  # of latitude, each in order of longitude (Leutenegger 1997)
        strip = np.empty(count, np.intp)
        strip[np.argsort(south + north, kind="stable")] = np.arange(count) * strips // max(count, 1)
        order = np.lexsort(((west + width / 2) % 360, strip))
        blocks = -(-count // BLOCK)
        self._members = np.pad(order, (0, blocks * BLOCK - count), mode="edge").reshape(blocks, BLOCK)
        west, width, south, north, least = footprints.boxes[self._members].transpose(2, 0, 1)
        shifted = (west - west[:, :1] + 180) % 360 - 180
        begins, ends = shifted.min(axis=1), (shifted + width).max(axis=1)
        columns = ((west[:, 0] + begins) % 360, np.minimum(ends - begins, 360), south.min(axis=1), north.max(axis=1))
        self._hulls = np.stack([*columns, least.min(axis=1)], axis=1)

    def nearest(self, of: Footprints) -> tuple[Places, NDArray[np.float64]]:
        """For each scene the nearest in space, of several that in time, of these the first; and kilometres to it."""
        found, km = np.full(len(of), -1, np.intp), _away(of, self._of)
        for rows, least in self._rows(of):
            boxes = of.boxes[rows]
            some = self._members[least.argmin(axis=1)]
            one, other = np.repeat(boxes, BLOCK, axis=0), self._of.boxes[some.ravel()]
            bound = distance_km(one, other).reshape(some.shape).min(axis=1)
            for each, others in self._pairs(least <= bound[:, None]):
                near = at_least(boxes[each], self._of.boxes[others]) <= bound[each]
                _keep_best(found, rows[each[near]], others[near], km, _apart(of, self._of))
        return found, distance_km(of.boxes, self._of.boxes[found])

    def any_near(self, of: Footprints, km: float, near: Near) -> NDArray[np.bool_]:
        """For each scene whether any pair that is perhaps nearer than `km` counts."""
        found = np.zeros(len(of), np.bool_)
        for rows, least in self._rows(of):
            for each, others in self._pairs(least < km):
                found[rows[each[near(rows[each], others)]]] = True
        return found

    def _rows(self, of: Footprints) -> Iterator[tuple[Places, NDArray[np.float64]]]:
        """Some scenes at a time, and the least kilometres from each to each block, (rows, blocks)."""
        step = max(_PAIRS // max(len(self._hulls), 1), 1)
        for start in range(0, len(of), step):
            rows = np.arange(start, min(start + step, len(of)))
            yield rows, at_least(of.boxes[rows][:, None], self._hulls[None])

    def _pairs(self, wanted: NDArray[np.bool_]) -> Iterator[tuple[Places, Places]]:
        """Of a mask (rows, blocks) every row with every member of its blocks, so many at a time."""
        each, blocks = np.nonzero(wanted)
        for start in range(0, len(each), _PAIRS // BLOCK):
            part = slice(start, start + _PAIRS // BLOCK)
            yield np.repeat(each[part], BLOCK), self._members[blocks[part]].ravel()
