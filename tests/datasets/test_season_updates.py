"""Records of finished scenes are amended: what is gone is named, and content stays."""

import json
import shutil
from pathlib import Path

import pytest

from datasets.catalog import Catalog
from datasets.errors import SceneNotFoundError
from datasets.lake import Lake
from datasets.season_updates import amend, cryoseason_source
from ingest.verify import verify_lake


@pytest.fixture
def lake(tiny_lake: Lake, tmp_path: Path) -> Lake:
    """A private copy of the finished lake."""
    return Lake.open(str(shutil.copytree(tiny_lake.url, tmp_path / "lake")))


def owned() -> None:
    pass


def silent(scene_id: str) -> None:
    pass


@pytest.mark.slow
@pytest.mark.parametrize("earlier", [False, True])
def test_seasons_go_into_stores_of_either_form(lake: Lake, earlier: bool) -> None:
    """Stores that an earlier version wrote hold tables where new ones hold their text, and mean the same."""
    digest, catalog = lake.digest, lake.catalog()
    if earlier:
        as_earlier_versions_wrote(lake)
    before = Lake.open(lake.url)
    assert before.digest == digest
    assert verify_lake(before, deep=False, on_scene=silent) == ()
    for row in catalog:
        scene = before.scene(row.scene_id)
        assert scene.record == row.model_copy(update={"split": None})
        assert scene.moments["r2"]["nersc_sar_primary"][0] > 0
    melting = Catalog.of(row.model_copy(update={"cryoseason": "melt", "melt_cells": 0.5}) for row in catalog)
    sources = {scene_id: {"rule": {"days": 3}, "maps": {}} for scene_id in catalog.scene_ids}
    assert amend(before, melting, sources=sources, check_lock=owned) == len(catalog)
    after = Lake.open(lake.url)
    assert cryoseason_source(after, catalog.scene_ids[0]) == sources[catalog.scene_ids[0]]
    assert after.scene(catalog.scene_ids[0]).record.cryoseason == "melt"
    root = Path(after.scene_url(catalog.scene_ids[0])) / "zarr.json"
    amended = root.stat().st_mtime_ns
    assert amend(after, melting, sources=sources, check_lock=owned) == 0
    assert root.stat().st_mtime_ns == amended, "what is there already is not written again"
    assert verify_lake(after, deep=False, on_scene=silent) == ()


def as_earlier_versions_wrote(lake: Lake) -> None:
    for scene_id in lake.catalog().scene_ids:
        root = Path(lake.scene_url(scene_id)) / "zarr.json"
        document = json.loads(root.read_text())
        for name in ("record", "moments", "objects"):
            document["attributes"][name] = json.loads(document["attributes"][name])
        root.write_text(json.dumps(document, indent=1))


def test_a_store_that_is_gone_is_named(lake: Lake) -> None:
    catalog = lake.catalog()
    shutil.rmtree(lake.scene_url(catalog.scene_ids[2]))
    with pytest.raises(
        SceneNotFoundError, match=rf"no finished scene store at .*{catalog.scene_ids[2]}.*: build the scene again"
    ):
        amend(lake, catalog, sources={scene_id: {} for scene_id in catalog.scene_ids}, check_lock=owned)


def test_content_of_a_scene_cannot_be_amended(lake: Lake) -> None:
    rows = [row.model_copy(update={"orbit": 1}) for row in lake.catalog()]
    with pytest.raises(AssertionError):
        amend(lake, Catalog.of(rows), sources={}, check_lock=owned)
