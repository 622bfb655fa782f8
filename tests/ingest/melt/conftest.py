"""Melt maps of synthetic years, and a lake to give seasons to."""

import shutil
from pathlib import Path

import pytest

from datasets.lake import Lake
from ingest.melt.maps import BINARY_WORDS
from ingest.sample.melt import VERSION, draw, write_melt_maps
from tests.ingest.melt.map_years import YEARS


@pytest.fixture(scope="session")
def both_forms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same maps as yearly netCDF files, and as four big-endian binaries a year."""
    folders = {form: tmp_path_factory.mktemp(form) for form in ("netcdf", "binary")}
    write_melt_maps(folders["netcdf"], YEARS, seed=3)
    for year in YEARS:
        for word, name in BINARY_WORDS.items():
            draw(year, 3)[name].astype(">i2").tofile(folders["binary"] / f"{year}{VERSION}{word}.int.304.448.c")
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
