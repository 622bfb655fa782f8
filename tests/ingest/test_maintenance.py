"""`python -m ingest verify` and `prune` from the command line."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.filesize import decimal
from typer.testing import CliRunner

from datasets.lake import Lake
from ingest.__main__ import app
from tests.ingest.command_line import command


def test_what_is_no_lake_cannot_be_verified(tmp_path: Path) -> None:
    result = command("verify", tmp_path)
    assert result.exit_code == 2
    assert "is not a lake" in result.output


@pytest.fixture
def rebuilt(tiny_lake: Lake, tmp_path: Path) -> Path:
    """A lake with what a stopped rebuild left: one scene of another recipe; and a hidden file of a shared disk."""
    place = tmp_path / "lake"
    shutil.copytree(tiny_lake.url, place)
    recipe = {**tiny_lake.recipe, "digest": "0123456789ab"}
    other = Lake.create(str(place), recipe, rebuild=True)
    shutil.copytree(tiny_lake.scene_url(tiny_lake.catalog().scene_ids[0]), f"{other.place}/scenes/one.zarr")
    (place / "recipes" / "._0123456789ab.json").write_bytes(b"\0")
    return place


def test_prune_shows_what_would_go_and_removes_nothing_unasked(rebuilt: Path) -> None:
    other = rebuilt / "recipes" / "0123456789ab" / "scenes"
    result = command("prune", rebuilt)
    assert result.exit_code == 2
    size = sum(path.stat().st_size for path in other.rglob("*") if path.is_file())
    assert f"recipe 0123456789ab: 1 scene, {decimal(size)}" in result.output
    assert "nothing was removed: give --yes" in result.output
    assert len(list(other.iterdir())) == 1
    removed = command("prune", rebuilt, "--yes")
    assert removed.exit_code == 0, removed.output
    assert "removed the scenes of 1 other recipe: 0123456789ab" in removed.output
    assert not other.exists()
    again = command("prune", rebuilt)
    assert again.exit_code == 0
    assert "nothing to remove" in again.output


@pytest.mark.parametrize(("answer", "code"), [("n", 2), ("y", 0)])
def test_prune_asks_a_person(rebuilt: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int) -> None:
    terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("ingest.maintenance.sys", terminal)
    result = CliRunner().invoke(app, ["prune", str(rebuilt)], input=answer)
    assert result.exit_code == code, result.output
    assert (rebuilt / "recipes" / "0123456789ab" / "scenes").exists() == (code == 2)


def test_hidden_files_beside_scenes_are_no_findings(tiny_lake: Lake, tmp_path: Path) -> None:
    place = Path(shutil.copytree(tiny_lake.url, tmp_path / "lake"))
    scene = tiny_lake.catalog().scene_ids[0]
    for name in (f"._{scene}.zarr", ".DS_Store", f".{scene}.zarr.nfs0001"):
        (place / "scenes" / name).write_bytes(b"\0")
    result = command("verify", place)
    assert result.exit_code == 0, result.output
    assert "11 scenes looked at, 0 findings" in result.output
