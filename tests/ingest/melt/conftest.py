"""Melt maps of synthetic years, and a lake to give seasons to."""

import shutil
from pathlib import Path

import pytest

from datasets.lake import Lake
from ingest.sample.melt import write_melt_maps
from tests.ingest.melt.map_years import YEARS


@pytest.fixture(scope="session")
def both_forms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {}
    for form in ("netcdf", "binary"):
        folders[form] = tmp_path_factory.mktemp(form)
        for path in write_melt_maps(folders[form], YEARS, seed=3):
            if (path.suffix == ".nc") != (form == "netcdf"):
                path.unlink()
    return folders


@pytest.fixture(scope="session")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("melt")
    write_melt_maps(folder, range(2018, 2022), seed=0)
    return folder


@pytest.fixture
def lake(tiny_lake: Lake, tmp_path: Path) -> Lake:
    """A private copy of the finished lake."""
    return Lake.open(str(shutil.copytree(tiny_lake.url, tmp_path / "lake")))
