"""Nearest footprints, against the rule pair by pair: blocks and rounds of a few scenes, so that every way is gone."""

from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from datasets import footprints
from datasets.catalog import Catalog
from datasets.footprints import Footprints, at_least, distance_km
from datasets.leaks import Apart, leaks, too_near
from datasets.scene import SceneRecord

Box = tuple[float, float, float, float]
METRE: Final = 1e-3
"""The arccosine of nearly 1 is no more exact."""

latitudes = st.tuples(st.integers(-180, 180), st.integers(0, 40)).map(lambda each: _up(*each))
boxes = st.tuples(st.integers(-360, 359), st.integers(0, 300), latitudes).map(
    lambda each: (each[0] / 2, each[2][0], (each[0] + each[1]) / 2 % 360, each[2][1])
)
days = st.integers(-80, 80).map(lambda quarter: quarter / 4)
scenes = st.lists(st.tuples(st.sampled_from(("test", "train", "train")), boxes, days), min_size=1, max_size=14)


def _up(south: int, height: int) -> tuple[float, float]:
    return south / 2, min(south + height, 180) / 2


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        ((0, 70, 10, 72), (5, 71, 20, 80), 0.0),
        ((0, 70, 10, 72), (10, 72, 11, 73), 0.0),
        ((0, 70, 10, 72), (0, 73, 10, 74), 111.2),
        ((170, 70, -170, 72), (-175, 71, -160, 72), 0.0),
        ((170, 0, 179, 1), (-179, 0, -170, 1), 222.4),
        ((0, 0, 1, 1), (90, 0, 91, 1), 9896.0),
    ],
)
def test_distance_of_boxes(one: Box, other: Box, km: float) -> None:
    both = Footprints.of(np.array([one, other], np.float64), np.zeros(2, np.int64)).boxes
    assert distance_km(both, both[::-1]) == pytest.approx([km, km], abs=3.0)
    assert (at_least(both, both[::-1]) <= distance_km(both, both[::-1])).all()


@given(scenes)
@pytest.mark.parametrize(("block", "most"), [(64, 1024), (2, 1)])
def test_leaks_are_those_of_every_pair(block: int, most: int, drawn: list[tuple[str, Box, float]]) -> None:
    catalog = _catalog(drawn)
    tests, train = catalog.split("test").records, catalog.split("train").records
    with pytest.MonkeyPatch.context() as patch:
        _small(patch, block, most)
        found = leaks(catalog)
    assert [leak.scene_id for leak in found] == [row.scene_id for row in tests if train]
    for row, leak in zip(tests, found, strict=False):
        near = {other.scene_id: (_km(row.bbox, other.bbox), _days(row, other)) for other in train}
        least = min(km for km, _ in near.values())
        # Of those that are nearest but for rounding, the nearest in time.
        assert leak.in_space.km == pytest.approx(least, abs=METRE)
        assert leak.in_space.days >= min(d for km, d in near.values() if km <= least + METRE)
        first = min(near, key=lambda name: (near[name][0] > least + METRE, near[name][1]))
        if least == 0 or [km <= least + METRE for km, _ in near.values()].count(True) == 1:
            assert leak.in_space.scene_id == first
        assert (leak.same_place is None) == (least > 0)
        assert leak.same_place in (None, leak.in_space)
        soonest = min(d for _, d in near.values())
        assert leak.in_time.days == soonest
        at_once = min(km for km, d in near.values() if d == soonest)
        assert leak.in_time.km == pytest.approx(at_once, abs=METRE)
        for each in (leak.in_space, leak.in_time):
            assert (each.km, each.days) == pytest.approx(near[each.scene_id], abs=METRE)


@given(scenes, st.sampled_from((0.5, 150.25, 1000.25, 9000.25)), st.sampled_from((0.25, 2.0, 100.0)))
@pytest.mark.parametrize(("block", "most"), [(64, 1024), (2, 1)])
def test_too_near_is_what_every_pair_says(
    block: int, most: int, drawn: list[tuple[str, Box, float]], km: float, within: float
) -> None:
    catalog = _catalog(drawn)
    with pytest.MonkeyPatch.context() as patch:
        _small(patch, block, most)
        found = too_near(catalog, Apart(km=km, days=within))
    tests = catalog.split("test").records
    for row, near in zip(catalog, found.tolist(), strict=True):
        seen = [_km(row.bbox, test.bbox) for test in tests if row.archive == "train" and _days(row, test) <= within]
        if not any(abs(each - km) < METRE for each in seen):
            assert near == any(each < km for each in seen)


def _small(patch: pytest.MonkeyPatch, block: int, most: int) -> None:
    patch.setattr(footprints, "BLOCK", block)
    patch.setattr(footprints, "MOST", most)
    patch.setattr(footprints, "_ROWS", most + 1)
    patch.setattr(footprints, "_PAIRS", max(64, block))


def _catalog(drawn: list[tuple[str, Box, float]]) -> Catalog:
    return Catalog(
        tuple(
            SceneRecord.model_construct(
                scene_id=f"{number:03}",
                archive=archive,
                split=archive,
                bbox=box,
                acquired=datetime(2020, 6, 1, tzinfo=UTC) + timedelta(days=day),
            )
            for number, (archive, box, day) in enumerate(drawn)
        )
    )


def _days(one: SceneRecord, other: SceneRecord) -> float:
    return abs((one.acquired - other.acquired).total_seconds()) / 86400


def _km(one: Box, other: Box) -> float:
    """The rule for one pair, every point of the one with every point of the other."""
    (west, south, east, north), (west2, south2, east2, north2) = one, other
    beside = (west2 - west) % 360 <= (east - west) % 360 or (west - west2) % 360 <= (east2 - west2) % 360
    if beside and south <= north2 and south2 <= north:
        return 0.0
    return float(6371.0 * np.arccos(np.clip(_points(one) @ _points(other).T, -1, 1)).min())


def _points(box: Box) -> NDArray[np.float64]:
    west, south, east, north = box
    across = west + np.linspace(0, (east - west) % 360, 9)
    up = np.linspace(south, north, 9)
    longitude, latitude = (each.ravel() for each in np.meshgrid(np.radians(across), np.radians(up)))
    return np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=1
    )
