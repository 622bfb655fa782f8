"""A lake whose every split has scenes of several seasons, places and cryoseasons, so that each filter has a choice."""

import shutil

import pytest

from datasets.catalog import Catalog
from datasets.lake import Lake
from datasets.season_updates import amend
from datasets.seasons import Cryoseason
from ingest.build import SplitOptions, publish
from tests.built_once import built_once
from tests.one_thread import one_thread

__all__ = ["one_thread"]

VAL_SCENES = 3


@pytest.fixture(scope="session")
def wired_lake(tmp_path_factory: pytest.TempPathFactory, tiny_lake: Lake) -> Lake:
    """The scenes of the tiny lake: five to train on, three to validate with, three to score; all with cryoseasons."""

    def build(folder: str) -> list[str]:
        shutil.copytree(tiny_lake.url, f"{folder}/lake")
        lake = Lake.open(f"{folder}/lake")
        catalog = publish(lake, lake.catalog(), SplitOptions(seed=2, val_scenes=VAL_SCENES))
        rows = [row.model_copy(update={"cryoseason": _melt(row.acquired.month), "melt_cells": 1.0}) for row in catalog]
        sources: dict[str, dict[str, object]] = {row.scene_id: {} for row in rows}
        amend(lake, Catalog.of(rows), sources=sources, check_lock=lambda: None)
        return [lake.url]

    (url,) = built_once(tmp_path_factory, "wired-lake", build)
    return Lake.open(url)


def _melt(month: int) -> Cryoseason | None:
    return None if month < 4 or month > 11 else "melt" if month < 9 else "freeze"
