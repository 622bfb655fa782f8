"""Records of finished scenes are amended: what is gone is named, and content stays."""

import shutil
from pathlib import Path

import pytest

from datasets.catalog import Catalog
from datasets.errors import SceneNotFoundError
from datasets.lake import Lake
from datasets.season_updates import amend


@pytest.fixture
def lake(tiny_lake: Lake, tmp_path: Path) -> Lake:
    """A private copy of the finished lake."""
    return Lake.open(str(shutil.copytree(tiny_lake.url, tmp_path / "lake")))


def owned() -> None:
    pass


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
