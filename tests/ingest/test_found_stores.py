"""Stores below a lake, as a stopped build and a person with a file manager leave them."""

from pathlib import Path

import pytest

from datasets.lake import Lake
from ingest.found_stores import (
    discard_scene,
    discard_unfinished_replacement,
    finished_scenes,
    holds_remains,
    root_documents,
    store_names,
    unfinished_replacements,
)
from ingest.recipe import Recipe


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake.create(str(tmp_path / "lake"), Recipe().to_lake())
    for place in ("whole.zarr", "stopped.zarr/r2", "whole.zarr.part/r2", "stopped.zarr.old", "lone.zarr.old"):
        (tmp_path / "lake/scenes" / place).mkdir(parents=True)
    for key in ("whole.zarr/zarr.json", "stopped.zarr/r2/c", "whole.zarr.part/r2/c", "lone.zarr.old/zarr.json"):
        (tmp_path / "lake/scenes" / key).write_text("{}")
    return lake


def test_what_is_there_is_told_apart(lake: Lake) -> None:
    assert set(store_names(lake)) == {"whole", "stopped"}
    assert root_documents(lake) == {"whole"}, "in one listing, nothing opened"
    assert [holds_remains(lake, scene_id) for scene_id in ("whole", "stopped", "lone")] == [True, True, False]
    assert unfinished_replacements(lake) == ("lone", "whole"), "an empty folder holds none"


def test_a_scene_and_its_replacement_go_each_alone(lake: Lake) -> None:
    discard_unfinished_replacement(lake, "whole")
    assert (unfinished_replacements(lake), root_documents(lake)) == (("lone",), {"whole"})
    discard_scene(lake, "whole")
    assert (unfinished_replacements(lake), root_documents(lake)) == (("lone",), frozenset())


def test_scenes_of_another_recipe_and_unfinished_ones_do_not_count(tiny_lake: Lake) -> None:
    assert {record.scene_id for record in finished_scenes(tiny_lake)} == {*tiny_lake.catalog().scene_ids}
    other = Lake(tiny_lake.url, {**tiny_lake.recipe, "digest": "another"})
    assert finished_scenes(other) == ()
