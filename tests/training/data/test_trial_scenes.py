"""The scenes of a trial: splits, filters, and what the lake must have."""

import pytest

from datasets.catalog import Catalog
from datasets.errors import SplitError
from datasets.lake import Lake
from datasets.scene import Split
from training.data.trial_scenes import bind, select_scenes
from training.spec import SpecError, TrialSpec


def test_the_splits_of_the_catalog(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    scenes = select_scenes(small_spec, tiny_lake)
    catalog = tiny_lake.catalog()
    assert scenes.train.scene_ids == catalog.split("train").scene_ids
    assert scenes.val.scene_ids == catalog.split("val").scene_ids
    assert scenes.test.scene_ids == catalog.split("test").scene_ids


def test_scenes_without_a_chart_are_in_the_catalog_and_never_scored(
    tiny_lake: Lake, small_spec: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = tiny_lake.catalog()
    bare = catalog.split("test").records[0]
    empty = {name: {255: sum(counts.values())} for name, counts in bare.pixels.items()}
    rows = [
        row.model_copy(update={"charted": False, "pixels": empty}) if row == bare else row for row in catalog.records
    ]
    monkeypatch.setattr(Lake, "catalog", lambda self: Catalog.of(rows))
    assert bare.scene_id in tiny_lake.catalog().split("test").scene_ids
    scored = select_scenes(small_spec, tiny_lake).test.scene_ids
    assert bare.scene_id not in scored
    assert len(scored) == len(catalog.split("test")) - 1


def test_filters_narrow_one_split(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    season = next(iter(tiny_lake.catalog().split("train"))).season
    scenes = select_scenes(small_spec.with_("data.train.season", season), tiny_lake)
    assert {record.season for record in scenes.train} == {season}
    assert scenes.test == select_scenes(small_spec, tiny_lake).test


def test_an_empty_cell_is_named(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    spec = small_spec.with_("data.test.season", "winter").with_("data.test.location", "cat4")
    with pytest.raises(SplitError, match=r"cell season winter, location cat4 has no test scene .*widen data\.test"):
        select_scenes(spec, tiny_lake)


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_lake_without_a_split_says_how_to_add_it(
    tiny_lake: Lake, small_spec: TrialSpec, monkeypatch: pytest.MonkeyPatch, split: Split
) -> None:
    rest = Catalog([row for row in tiny_lake.catalog().records if row.split != split])
    monkeypatch.setattr(Lake, "catalog", lambda self: rest)
    option = " --split test" if split == "test" else ""
    with pytest.raises(
        SplitError, match=f"no {split} scene: `python -m ingest build RAW --lake .*tiny-lake{option}` adds"
    ):
        select_scenes(small_spec, tiny_lake)


@pytest.mark.parametrize("path", ["data.ratio", "evaluation.fixed_ratio"])
def test_a_ratio_that_the_lake_lacks(tiny_lake: Lake, small_spec: TrialSpec, path: str) -> None:
    with pytest.raises(SpecError, match=f"{path} = 7 is not allowed: .* has the ratios 1, 2, 5, 10"):
        select_scenes(small_spec.with_(path, 7), tiny_lake)


def test_a_channel_that_the_lake_lacks(tiny_lake: Lake, small_spec: TrialSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lake, "channels", lambda self, group: ("nersc_sar_primary",))
    with pytest.raises(SpecError, match=r"the trial needs nersc_sar_secondary, sar_incidenceangle, t2m, which"):
        select_scenes(small_spec, tiny_lake)


def test_an_unbound_spec_is_bound_to_the_lake(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    bound = bind(small_spec, tiny_lake)
    assert bound.data.lake == tiny_lake.digest
    assert bind(bound, tiny_lake) == bound
    assert bound.trial_id != small_spec.trial_id


def test_a_spec_of_another_lake_is_refused(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    with pytest.raises(SpecError, match=r"data\.lake = 'abc' is not allowed: the lake .* has digest"):
        bind(small_spec.with_("data.lake", "abc"), tiny_lake)


def test_a_share_of_the_training_scenes_is_inside_every_larger_one(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    whole = select_scenes(small_spec, tiny_lake)
    shares = [select_scenes(small_spec.with_("data.scene_share", share), tiny_lake) for share in (0.01, 0.3, 0.6, 1.0)]
    found = [set(scenes.train.scene_ids) for scenes in shares]
    assert len(found[0]) == 1, "never none"
    assert found[0] < found[1] < found[2] < found[3] == set(whole.train.scene_ids)
    assert all(scenes.val == whole.val and scenes.test == whole.test for scenes in shares)
    seeds = [small_spec.with_all({"data.scene_share": 0.3, "seed": seed}) for seed in range(8)]
    assert len({select_scenes(spec, tiny_lake).train.scene_ids for spec in seeds}) > 1, "the seed draws them"


def test_the_longest_side_is_of_val_and_test_scenes(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    scored = [*tiny_lake.catalog().split("val"), *tiny_lake.catalog().split("test")]
    longest = max(max(tiny_lake.scene(record.scene_id).shape(10)) for record in scored)
    assert select_scenes(small_spec, tiny_lake).longest_side(10) == longest


def two_seasons(lake: Lake, monkeypatch: pytest.MonkeyPatch, *, val: tuple[str, ...]) -> None:
    """A lake of 20 training scenes, half of them of winter, and val scenes of these seasons."""
    one, test = lake.catalog().split("train").records[0], lake.catalog().split("test")
    rows = [
        one.model_copy(update={"scene_id": f"t{place:02}", "orbit": place, "season": ("winter", "fall")[place % 2]})
        for place in range(20)
    ]
    rows += [
        one.model_copy(update={"scene_id": f"v{place}", "orbit": 100 + place, "season": season, "split": "val"})
        for place, season in enumerate(val)
    ]
    catalog = Catalog.of([*rows, *test])
    monkeypatch.setattr(Lake, "catalog", lambda self: catalog)


def test_by_the_source_no_scene_of_another_season_chooses_the_epoch(
    tiny_lake: Lake, small_spec: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_seasons(tiny_lake, monkeypatch, val=("winter", "fall", "fall"))
    spec = small_spec.with_("data.train.season", "winter")
    assert len(select_scenes(spec, tiny_lake).val) == 3
    own = select_scenes(spec.with_("data.selection", "source"), tiny_lake)
    assert own.val.scene_ids == ("v0",)
    assert own.train == select_scenes(spec, tiny_lake).train


def test_without_such_val_scenes_training_scenes_are_held_out(
    tiny_lake: Lake, small_spec: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_seasons(tiny_lake, monkeypatch, val=("fall",))
    spec = small_spec.with_all({"data.train.season": "winter", "data.selection": "source"})
    found = [select_scenes(spec.with_("seed", seed), tiny_lake) for seed in (0, 1)]
    assert (len(found[0].train), len(found[0].val)) == (9, 1)
    assert {record.season for record in (*found[0].train, *found[0].val)} == {"winter"}
    assert found[0] == found[1], "the same ones for every seed"


def test_a_control_has_as_many_scenes_of_all_seasons(
    tiny_lake: Lake, small_spec: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_seasons(tiny_lake, monkeypatch, val=("winter", "fall", "fall"))
    spec = small_spec.with_all({"data.train.season": "winter", "data.selection": "source", "data.size_matched": True})
    found = [select_scenes(spec.with_("seed", seed), tiny_lake) for seed in range(3)]
    assert {len(each.train) for each in found} == {10}
    assert {len(each.val) for each in found} == {1}
    assert {record.season for each in found for record in each.train} == {"winter", "fall"}
    assert len({each.train.scene_ids for each in found}) == 3
    with pytest.raises(SpecError, match=r"data.size_matched needs a season"):
        small_spec.with_("data.size_matched", True)


def test_other_shares_of_dominance_need_polygons(
    tiny_lake: Lake, small_spec: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    select_scenes(small_spec.with_("data.dominance", 0.8), tiny_lake)
    rows = [record.model_copy(update={"product": "ready_to_train"}) for record in tiny_lake.catalog()]
    monkeypatch.setattr(Lake, "catalog", lambda self: Catalog.of(rows))
    for changes in ({"data.dominance": 0.8}, {"evaluation.dominance": [0.8]}):
        with pytest.raises(SpecError, match=r"need the polygons of ice charts"):
            select_scenes(small_spec.with_all(changes), tiny_lake)
