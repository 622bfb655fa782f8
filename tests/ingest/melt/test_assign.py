"""Seasons added to a finished lake: records and catalog change, arrays do not."""

import json
import re
import shutil
from pathlib import Path

import pytest
import xarray as xr

from datasets.errors import LakeLockedError
from datasets.lake import Lake
from datasets.season_updates import SOURCE, carry_seasons, cryoseason_source
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.melt.assign import assign_cryoseasons, by_month, check_rule
from ingest.melt.errors import NoMeltMapError, SeasonsKeptError
from ingest.melt.maps import MeltMaps
from ingest.melt.rule import MeltRule, MeltVote
from ingest.recipe import Recipe
from ingest.sample.melt import write_melt_maps


def files(lake: Lake) -> dict[Path, tuple[int, bytes]]:
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in Path(lake.url).rglob("*") if path.is_file()}


def silent(_: str) -> None:
    pass


def owned() -> None:
    pass


@pytest.mark.slow
def test_only_root_documents_and_the_catalog_change(lake: Lake, maps: Path) -> None:
    before, old, digest = files(lake), lake.catalog(), lake.digest
    found = assign_cryoseasons(lake, MeltMaps.open(maps), on_scene=silent, check_lock=owned)
    after = files(lake)
    root = Path(lake.url)
    roots = {Path(lake.scene_url(scene_id)) / "zarr.json" for scene_id in old.scene_ids}
    assert {path for path in after if after[path] != before.get(path)} == {
        *roots,
        root / "catalog.parquet",
    }
    for path in roots:
        ours, theirs = (json.loads(content) for content in (after[path][1], before[path][1]))
        new = json.loads(ours["attributes"].pop("record"))
        record = json.loads(theirs["attributes"].pop("record"))
        assert set(json.loads(ours["attributes"].pop(SOURCE))) == {"rule", "maps"}
        assert ours == theirs
        assert {key for key in new if new[key] != record.get(key)} <= {"cryoseason", "melt_cells"}
    assert found.changed == len(old)
    assert Lake.open(lake.url).digest != digest
    assert {row.cryoseason for row in lake.catalog()} >= {"melt", "freeze"}


@pytest.mark.slow
def test_stores_catalog_and_readers_agree(lake: Lake, maps: Path) -> None:
    seen: list[str] = []
    found = assign_cryoseasons(lake, MeltMaps.open(maps), on_scene=seen.append, check_lock=owned)
    catalog = Lake.open(lake.url).catalog()
    assert catalog == found.catalog
    assert tuple(seen) == catalog.scene_ids
    for row in catalog:
        scene = lake.scene(row.scene_id)
        assert scene.record == row.model_copy(update={"split": None})
        assert row.melt_cells is not None
        assert (row.cryoseason is None) == (row.melt_cells == 0)
        assert xr.open_zarr(lake.scene_url(row.scene_id), group="r2").SOD.shape == scene.shape(2)
    assert len(catalog.where(cryoseason="melt")) > 0
    assert sum(map(sum, by_month(catalog).values())) == len(catalog)
    for row in catalog:
        source = cryoseason_source(lake, row.scene_id)
        assert source is not None
        assert source["rule"] == {"onset": "continuous", "statistic": "median"}
        assert set(source["maps"]) <= set(found.files)
        assert f"{row.acquired.year}000smeltfreeze.nc" in source["maps"] or row.acquired.month < 3


@pytest.mark.slow
@pytest.mark.parametrize("rebuilt", [True, False], ids=["another recipe", "another file name"])
def test_a_scene_that_is_built_anew_keeps_its_season(
    raw_train: list[Path], maps: Path, tmp_path: Path, rebuilt: bool
) -> None:
    recipe = Recipe(ratios=(5, 10))
    old = Lake.create(str(tmp_path / "lake"), recipe.to_lake())
    publish(old, [convert_scene(str(path), recipe, old, "train") for path in raw_train[:2]], SplitOptions())
    assign_cryoseasons(old, MeltMaps.open(maps), on_scene=silent, check_lock=owned)
    before = {row.scene_id: (row.cryoseason, row.melt_cells) for row in old.catalog()}
    sources = {scene_id: cryoseason_source(old, scene_id) for scene_id in before}
    assert None not in sources.values()

    paths = raw_train[:3]
    if rebuilt:
        recipe = Recipe(ratios=(10,))
        new = Lake.create(old.url, recipe.to_lake(), rebuild=True)
    else:
        new = old
        paths = [
            Path(shutil.copy(path, tmp_path / re.sub("_[0-9A-F]{4}_icechart", "_0ABC_icechart", path.name)))
            for path in paths
        ]
    built = [convert_scene(str(path), recipe, new, "train") for path in paths]
    assert {row.melt_cells for row in built} == {None}
    publish(new, built, SplitOptions())

    shown = Lake.open(old.url)
    assert shown.recipe_digest == recipe.digest
    assert len(shown.catalog()) == 3
    for row in shown.catalog():
        assert (row.cryoseason, row.melt_cells) == before.get(row.scene_id, (None, None))
        assert shown.scene(row.scene_id).record == row.model_copy(update={"split": None})
        assert cryoseason_source(shown, row.scene_id) == sources.get(row.scene_id)


@pytest.mark.slow
def test_a_season_is_not_carried_to_another_footprint(lake: Lake, maps: Path) -> None:
    assign_cryoseasons(lake, MeltMaps.open(maps), on_scene=silent, check_lock=owned)
    row = lake.catalog().records[0]
    bare = row.model_copy(update={"cryoseason": None, "melt_cells": None})
    moved = bare.model_copy(update={"bbox": (0.0, 70.0, 10.0, 75.0)})
    assert carry_seasons(lake, [bare, moved]) == (row, moved)


@pytest.mark.slow
def test_statistics_of_the_lake_stay(lake: Lake, maps: Path) -> None:
    groups = ("r1", "r2", "r5", "r10", "km2")
    before = {group: lake.moments(group) for group in groups}
    assign_cryoseasons(lake, MeltMaps.open(maps), on_scene=silent, check_lock=owned)
    assert {group: Lake.open(lake.url).moments(group) for group in groups} == before


@pytest.mark.slow
def test_a_second_time_changes_nothing(lake: Lake, maps: Path) -> None:
    assign_cryoseasons(lake, MeltMaps.open(maps), on_scene=silent, check_lock=owned)
    before = files(lake)
    assert assign_cryoseasons(lake, MeltMaps.open(maps), on_scene=silent, check_lock=owned).changed == 0
    assert files(lake) == before


@pytest.mark.slow
def test_seasons_by_another_rule_change_only_on_demand(lake: Lake, maps: Path) -> None:
    found = MeltMaps.open(maps)
    check_rule(lake.url)  # no scene has a season yet
    given = assign_cryoseasons(lake, found, MeltRule(onset="early"), on_scene=silent, check_lock=owned)
    before = files(lake)
    with pytest.raises(SeasonsKeptError, match=r"have another melt season .* give the same options again, or --overw"):
        assign_cryoseasons(lake, found, on_scene=silent, check_lock=owned)
    with pytest.raises(SeasonsKeptError, match=r"\(--onset early --statistic median\): build without --melt, then run"):
        check_rule(lake.url)
    kept = assign_cryoseasons(lake, found, earlier="keep", on_scene=silent, check_lock=owned)
    assert (kept.changed, kept.catalog) == (0, given.catalog)
    assert files(lake) == before
    assert assign_cryoseasons(lake, found, earlier="overwrite", on_scene=silent, check_lock=owned).changed > 0
    check_rule(lake.url)


@pytest.mark.slow
def test_a_missing_year_changes_nothing(lake: Lake, tmp_path: Path) -> None:
    write_melt_maps(tmp_path / "melt", [2018], seed=0)
    before = files(lake)
    with pytest.raises(NoMeltMapError, match="has no melt map of"):
        assign_cryoseasons(lake, MeltMaps.open(tmp_path / "melt"), on_scene=silent, check_lock=owned)
    assert files(lake) == before


@pytest.mark.slow
def test_an_interrupted_amendment_is_completed_by_the_next(lake: Lake, maps: Path) -> None:
    """Readers of the catalog see the old seasons until the last step."""
    old = lake.catalog()

    def lost() -> None:
        raise LakeLockedError("broken")

    with pytest.raises(LakeLockedError):
        assign_cryoseasons(lake, MeltMaps.open(maps), on_scene=silent, check_lock=lost)
    assert lake.catalog() == old
    found = assign_cryoseasons(lake, MeltMaps.open(maps), on_scene=silent, check_lock=owned)
    assert found.changed == len(old)
    assert {row.scene_id: row.cryoseason for row in lake.catalog()} == {
        scene_id: lake.scene(scene_id).record.cryoseason for scene_id in old.scene_ids
    }


@pytest.mark.slow
def test_a_later_build_keeps_the_seasons(maps: Path, raw_train: list[Path], tmp_path: Path) -> None:
    recipe = Recipe(ratios=(10,))
    lake = Lake.create(str(tmp_path / "lake"), recipe.to_lake())
    options = SplitOptions(val_scenes=1)
    publish(lake, [convert_scene(str(path), recipe, lake, "train") for path in raw_train[:2]], options)
    assign_cryoseasons(lake, MeltMaps.open(maps), on_scene=silent, check_lock=owned)
    given = lake.catalog()
    publish(lake, [convert_scene(str(path), recipe, lake, "train") for path in raw_train[:3]], options)
    for row in given:
        kept = lake.catalog()[row.scene_id]
        assert (kept.cryoseason, kept.melt_cells) == (row.cryoseason, row.melt_cells)
    assert sum(row.melt_cells is None for row in lake.catalog()) == 1


@pytest.mark.slow
def test_in_object_storage(maps: Path, raw_train: list[Path]) -> None:
    recipe = Recipe(ratios=(10,))
    lake = Lake.create("memory://lakes/melt", recipe.to_lake())
    publish(
        lake, [convert_scene(str(path), recipe, lake, "train") for path in raw_train[:2]], SplitOptions(val_scenes=1)
    )
    assert assign_cryoseasons(lake, MeltMaps.open(maps), on_scene=silent, check_lock=owned).changed == 2
    row = Lake.open("memory://lakes/melt").catalog().records[0]
    assert lake.scene(row.scene_id).record.melt_cells == row.melt_cells


def test_the_share_of_cells_that_voted_is_on_record(lake: Lake, maps: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quarter = MeltVote(season="melt", cells=4, valid=1, year=2018)
    monkeypatch.setattr("ingest.melt.assign.vote", lambda *given: quarter)
    found = assign_cryoseasons(lake, MeltMaps.open(maps), on_scene=lambda _: None, check_lock=owned)
    assert {row.melt_cells for row in found.catalog} == {0.25}
