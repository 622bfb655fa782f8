"""The split: seeded, stratified, independent of order, and never through an orbit pass."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.errors import SplitError
from datasets.labels import CHARTS
from datasets.scene import SceneRecord
from datasets.seasons import LOCATIONS, REGIONS, SEASONS, location_of, season_of
from datasets.splits import assign_splits


def record(number: int, orbit: int, archive: str = "train", region: str = "North", month: int = 1) -> SceneRecord:
    start = datetime(2020, month, 1, tzinfo=UTC) + timedelta(minutes=number)
    return SceneRecord.model_validate(
        {
            "scene_id": f"{start:%Y%m%dT%H%M%S}_dmi",
            "source": "raw.nc",
            "archive": archive,
            "acquired": start,
            "stopped": start + timedelta(minutes=1),
            "satellite": "S1A",
            "orbit": orbit,
            "provider": "dmi",
            "region": region,
            "location": location_of(region),
            "season": season_of(start),
            "lines": 100,
            "samples": 100,
            "bbox": (0.0, 0.0, 1.0, 1.0),
            "pixels": {name: {0: 10000} for name in CHARTS},
            "dropped": {},
            "recipe": "r",
            "fingerprint": "f",
        }
    )


archives = st.lists(
    st.tuples(st.integers(1, 30), st.sampled_from(sorted(REGIONS)), st.integers(1, 12)), min_size=4, max_size=60
).map(lambda rows: [record(k, orbit, region=region, month=month) for k, (orbit, region, month) in enumerate(rows)])


@given(archives, st.integers(0, 5), st.randoms())
def test_passes_stay_together_and_order_does_not_matter(rows: list[SceneRecord], seed: int, random: object) -> None:
    wanted = min(3, len(rows) - 1)
    catalog = assign_splits(rows, seed=seed, val_scenes=wanted)
    by_pass: dict[tuple[str, int], set[str | None]] = {}
    for row in catalog:
        by_pass.setdefault(row.orbit_pass, set()).add(row.split)
    assert all(len(splits) == 1 for splits in by_pass.values())
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert assign_splits(shuffled, seed=seed, val_scenes=wanted) == catalog
    if len(by_pass) > 1:
        assert len(catalog.split("train")) > 0


@given(archives, st.integers(0, 5), st.integers(1, 40))
def test_the_draw_takes_what_looking_at_every_pass_takes(rows: list[SceneRecord], seed: int, wanted: int) -> None:
    wanted = min(wanted, len(rows) - 1)
    val = {row.orbit_pass for row in assign_splits(rows, seed=seed, val_scenes=wanted) if row.split == "val"}
    assert val == _drawn_by_looking_at_all(rows, seed, wanted)


def _drawn_by_looking_at_all(rows: list[SceneRecord], seed: int, missing: int) -> set[tuple[str, int]]:
    rows = sorted(rows, key=lambda row: row.scene_id)
    frames = Counter(row.orbit_pass for row in rows)
    stratum = {row.orbit_pass: (row.season, row.location) for row in reversed(rows)}
    size = Counter(stratum[row.orbit_pass] for row in rows)
    names = sorted(frames)
    order = [names[place] for place in np.random.default_rng(seed).permutation(len(names))]
    taken: Counter[tuple[str, str]] = Counter()
    chosen: set[tuple[str, int]] = set()
    while missing > 0:
        fitting = [name for name in order if name not in chosen and frames[name] <= missing]
        if not fitting and not chosen and len(order) > 1:
            fitting = sorted(order, key=lambda name: frames[name])[:1]
        if not fitting:
            break
        best = min(fitting, key=lambda name: (taken[stratum[name]] + 1) / size[stratum[name]])
        chosen.add(best)
        taken[stratum[best]] += frames[best]
        missing -= frames[best]
    return chosen


def test_single_frame_passes_give_exactly_the_wanted_number() -> None:
    rows = [record(k, orbit=k) for k in range(200)]
    assert len(assign_splits(rows, seed=0).split("val")) == 18
    assert len(assign_splits(rows, seed=0, val_scenes=30).split("val")) == 30
    assert len(assign_splits(rows[:12], seed=0).split("val")) == 2


def test_seed_changes_the_draw() -> None:
    rows = [record(k, orbit=k) for k in range(200)]
    draws = {assign_splits(rows, seed=seed).split("val").scene_ids for seed in range(4)}
    assert len(draws) == 4


def test_every_season_and_location_is_represented() -> None:
    regions = {"North": "cat4", "SGRDIEA": "cat3", "SouthWest": "cat2", "SouthEast": "cat1"}
    rows = [
        record(k * 40 + m * 4 + n, orbit=k * 40 + m * 4 + n, region=region, month=month)
        for k in range(6)
        for m, month in enumerate((1, 4, 7, 10))
        for n, region in enumerate(regions)
    ]
    val = assign_splits(rows, seed=3, val_scenes=16).split("val")
    assert {(row.season, row.location) for row in val} == {(s, place) for s in SEASONS for place in LOCATIONS}


def test_training_scenes_on_the_pass_of_a_test_scene_are_not_used() -> None:
    rows = [record(k, orbit=k) for k in range(10)] + [record(20, orbit=4, archive="test")]
    catalog = assign_splits(rows, seed=0)
    assert [row.orbit for row in catalog.split("unused")] == [4]
    assert len(catalog.split("test")) == 1


def test_a_validation_set_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(SplitError, match="4 validation scenes of 4 usable training scenes are too many"):
        assign_splits([record(k, orbit=k) for k in range(4)], seed=0, val_scenes=4)


def test_one_training_scene_alone_is_training() -> None:
    assert len(assign_splits([record(0, orbit=0)], seed=0).split("train")) == 1
    with pytest.raises(SplitError, match="1 validation scene of 1 usable training scene is too many"):
        assign_splits([record(0, orbit=0)], seed=0, val_scenes=1)


def test_training_scenes_without_a_chart_are_not_used_and_test_scenes_stay() -> None:
    rows = [record(k, orbit=k) for k in range(10)] + [record(20, orbit=20, archive="test")]
    bare = [row.model_copy(update={"charted": row.scene_id != rows[3].scene_id}) for row in rows[:-1]]
    bare.append(rows[-1].model_copy(update={"charted": False}))
    catalog = assign_splits(bare, seed=0, val_scenes=2)
    assert catalog[rows[3].scene_id].split == "unused"
    assert catalog[rows[-1].scene_id].split == "test"
    assert (len(catalog.split("train")), len(catalog.split("val"))) == (7, 2)


def test_scenes_to_predict_are_in_no_set_and_change_no_other_scene() -> None:
    rows = [record(k, orbit=k) for k in range(10)] + [record(20, orbit=4, archive="test")]
    asked = [record(30, orbit=5, archive="predict"), record(31, orbit=4, archive="predict")]
    asked.append(record(32, orbit=99, archive="predict").model_copy(update={"charted": False}))
    catalog = assign_splits([*rows, *asked], seed=0)
    assert {row.scene_id for row in catalog.split("predict")} == {row.scene_id for row in asked}
    assert not any(row.unused for row in catalog.split("predict"))
    assert [row for row in catalog if row.archive != "predict"] == list(assign_splits(rows, seed=0))
    alone = assign_splits(asked, seed=0)
    assert [row.split for row in alone] == ["predict"] * 3
