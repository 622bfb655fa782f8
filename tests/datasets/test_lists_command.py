"""`python -m datasets lists`: lists are written and compared."""

from pathlib import Path

from typer.testing import CliRunner

from datasets.__main__ import app
from datasets.lake import Lake


def test_lists_are_written_and_agree_with_themselves(tiny_lake: Lake, tmp_path: Path) -> None:
    ours, again = str(tmp_path / "ours"), str(tmp_path / "again")
    written = CliRunner().invoke(app, ["lists", tiny_lake.url, ours])
    assert written.exit_code == 0, written.output
    assert f"15 lists in {ours}" in written.output
    assert len(list((tmp_path / "ours").glob("*_train_files.json"))) == 15
    compared = CliRunner().invoke(app, ["lists", tiny_lake.url, again, "--compare", ours], env={"COLUMNS": "200"})
    assert compared.exit_code == 0, compared.output
    assert "agreement of the lists" in compared.output
    assert "scenes with another season" not in compared.output


def test_a_folder_without_lists_cannot_be_compared(tiny_lake: Lake, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["lists", tiny_lake.url, str(tmp_path), "--compare", str(tmp_path / "nothing")])
    assert result.exit_code == 2, result.output
    assert not list(tmp_path.iterdir())
