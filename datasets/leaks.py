"""How near training scenes are to test scenes, in space and time: what a network may have seen of its test before."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from datasets.catalog import Catalog
from datasets.errors import IceBenchError
from datasets.footprints import (
    Blocks,
    Footprints,
    Near,
    Places,
    at_least,
    distance_km,
    first_in_time,
    nearest_in_time,
    touch,
)

_DAY: Final = 86_400_000_000
"""Microseconds."""


class ApartError(IceBenchError, ValueError):
    """A distance that cannot be kept."""


@dataclass(frozen=True, kw_only=True)
class Apart:
    """Training scenes nearer than `km` to a test scene and within `days` of it are too near; both above 0."""

    km: float
    days: float

    @classmethod
    def parse(cls, text: str) -> "Apart":
        """Reads `200,10`; raises ApartError."""
        try:
            km, days = (float(word) for word in text.split(","))
        except ValueError as error:
            raise ApartError(f"{text!r} is no distance: write kilometres and days, such as 200,10") from error
        if not (km > 0 and days > 0):
            raise ApartError(f"{text!r} is not allowed: kilometres and days are above 0, such as 200,10")
        return cls(km=km, days=days)

    def __str__(self) -> str:
        return f"{self.km:g} km and {self.days:g} days"


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A training scene beside a test scene: `km` between footprints (0: they touch), `days` between their times."""

    scene_id: str
    km: float
    days: float


@dataclass(frozen=True, kw_only=True)
class Leak:
    """The nearest training scenes of a test scene.

    Attributes:
        scene_id: The test scene.
        in_space: The training scene that lies nearest; of several that touch it the nearest in time.
        in_time: The training scene of the nearest time.
        same_place: The nearest in time of those whose footprint touches; None where none does.
    """

    scene_id: str
    in_space: Neighbour
    in_time: Neighbour
    same_place: Neighbour | None


def leaks(catalog: Catalog) -> tuple[Leak, ...]:
    """A row for each test scene, by scene_id; none where the lake has no training scene."""
    test, train = catalog.split("test"), catalog.split("train")
    if not (len(test) and len(train)):
        return ()
    of, among = _footprints(test), _footprints(train)
    place, unknown = first_in_time(of, among, lambda rows, others: touch(of.boxes[rows], among.boxes[others]))
    in_space, km = place.copy(), np.zeros(len(of))
    rest = np.flatnonzero((place < 0) | unknown)
    in_space[rest], km[rest] = Blocks(among).nearest(of.take(rest))
    in_time = nearest_in_time(of, among)
    time_km = distance_km(of.boxes, among.boxes[in_time])
    names = train.column("scene_id")

    def neighbour(row: int, other: int, km: float) -> Neighbour:
        return Neighbour(scene_id=names[other], km=float(km), days=float(_days(of.times[row] - among.times[other])))

    found = []
    for row, scene_id in enumerate(test.scene_ids):
        nearest = neighbour(row, in_space[row], km[row])
        found.append(
            Leak(
                scene_id=scene_id,
                in_space=nearest,
                in_time=neighbour(row, in_time[row], time_km[row]),
                same_place=nearest if nearest.km == 0 else None,  # of those that touch the nearest in time
            )
        )
    return tuple(found)


def too_near(catalog: Catalog, apart: Apart) -> NDArray[np.bool_]:
    """Which scenes (scenes,) are of the training archive and too near to a scene of the test archive."""
    found = np.zeros(len(catalog), np.bool_)
    places = np.flatnonzero(catalog.having("archive", "train"))
    tests = catalog.take(catalog.having("archive", "test"))
    if not (len(places) and len(tests)):
        return found
    of, among = _footprints(catalog.take(places)), _footprints(tests)
    place, unknown = first_in_time(of, among, _rule(apart, of, among), apart.days * _DAY)
    rest = np.flatnonzero((place < 0) & unknown)
    some = of.take(rest)
    near = place >= 0
    near[rest] = Blocks(among).any_near(some, apart.km, _rule(apart, some, among))
    found[places] = near
    return found


def _rule(apart: Apart, of: Footprints, among: Footprints) -> Near:
    def near(rows: Places, others: Places) -> NDArray[np.bool_]:
        pairs = np.flatnonzero(_days(of.times[rows] - among.times[others]) <= apart.days)
        for distance in (at_least, distance_km):
            one, other = of.boxes[rows[pairs]], among.boxes[others[pairs]]
            pairs = pairs[distance(one, other) < apart.km]
        found = np.zeros(len(rows), np.bool_)
        found[pairs] = True
        return found

    return near


def _days(microseconds: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.abs(microseconds) / 1e6 / 86400


def _footprints(catalog: Catalog) -> Footprints:
    return Footprints.of(catalog.boxes(), catalog.microseconds("acquired"))
