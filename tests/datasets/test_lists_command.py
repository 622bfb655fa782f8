"""`python -m datasets lists`: lists are written and compared."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from datasets.__main__ import app
from datasets.catalog import Catalog
from datasets.lake import Lake


@pytest.fixture
def lake(tiny_lake: Lake, tmp_path: Path) -> Lake:
    """A copy of the lake, all of its scenes in the melt season."""
    copy = Lake.open(str(shutil.copytree(tiny_lake.url, tmp_path / "lake")))
    copy.publish(Catalog(tuple(row.model_copy(update={"cryoseason": "melt"}) for row in copy.catalog())), {})
    return copy


def test_lists_are_written_and_agree_with_themselves(lake: Lake, tmp_path: Path) -> None:
    ours, again = str(tmp_path / "ours"), str(tmp_path / "again")
    written = CliRunner().invoke(app, ["lists", lake.url, ours])
    assert written.exit_code == 0, written.output
    assert f"15 lists in {ours}" in written.output
    assert len(list((tmp_path / "ours").glob("*_train_files.json"))) == 15
    compared = CliRunner().invoke(app, ["lists", lake.url, again, "--compare", ours], env={"COLUMNS": "200"})
    assert compared.exit_code == 0, compared.output
    assert "agreement of the lists" in compared.output
    assert "scenes with another season" not in compared.output


def test_a_folder_without_lists_cannot_be_compared(lake: Lake, tmp_path: Path) -> None:
    nothing = str(tmp_path / "nothing")
    result = CliRunner().invoke(app, ["lists", lake.url, str(tmp_path / "ours"), "--compare", nothing])
    assert result.exit_code == 2, result.output
    assert nothing in result.output.replace("\n", "")
    assert not (tmp_path / "ours").exists()
