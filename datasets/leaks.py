"""How near training scenes are to test scenes, in space and time: what a network may have seen of its test before."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from datasets.catalog import Catalog
from datasets.errors import IceBenchError
from datasets.scene import SceneRecord

_EARTH_KM: Final = 6371.0
_ALONG: Final = 9
"""Points along each side of a box."""


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
    train = catalog.split("train")
    found = []
    for row in catalog.split("test") if len(train) else ():
        near = [_neighbour(row, other) for other in train]
        touching = [each for each in near if each.km == 0]
        found.append(
            Leak(
                scene_id=row.scene_id,
                in_space=min(near, key=lambda each: (each.km, each.days)),
                in_time=min(near, key=lambda each: (each.days, each.km)),
                same_place=min(touching, key=lambda each: each.days, default=None),
            )
        )
    return tuple(found)


def too_near(records: Iterable[SceneRecord], apart: Apart | None) -> frozenset[str]:
    """Ids of scenes of the training archive that are too near to a scene of the test archive; none without a rule."""
    rows = list(records) if apart is not None else []
    tests = [row for row in rows if row.archive == "test"]
    return frozenset(
        row.scene_id
        for row in rows
        if row.archive == "train" and apart is not None
        for near in (_neighbour(row, test) for test in tests)
        if near.km < apart.km and near.days <= apart.days
    )


def _neighbour(one: SceneRecord, other: SceneRecord) -> Neighbour:
    days = abs((one.acquired - other.acquired).total_seconds()) / 86400
    return Neighbour(scene_id=other.scene_id, km=distance_km(one.bbox, other.bbox), days=days)


def distance_km(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    """Kilometres between two boxes of west, south, east, north in degrees; 0 where they touch.

    A scene lies within its box, so it is never nearer than that. West > east crosses the antimeridian.
    """
    (west, south, east, north), (west2, south2, east2, north2) = one, other
    beside = (west2 - west) % 360 <= (east - west) % 360 or (west - west2) % 360 <= (east2 - west2) % 360
    if beside and south <= north2 and south2 <= north:
        return 0.0
    return float(_EARTH_KM * np.arccos(np.clip(_points(one) @ _points(other).T, -1, 1)).min())


def _points(box: tuple[float, float, float, float]) -> NDArray[np.float64]:
    """Unit vectors (points, 3) of a grid over a box."""
    west, south, east, north = box
    across = west + np.linspace(0, (east - west) % 360, _ALONG)
    up = np.linspace(south, north, _ALONG)
    longitude, latitude = (each.ravel() for each in np.meshgrid(np.radians(across), np.radians(up)))
    return np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=1
    )
