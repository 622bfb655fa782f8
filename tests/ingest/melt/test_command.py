"""`python -m ingest melt`, and melt maps of a build, from the command line."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from datasets.__main__ import app as lake_app
from datasets.lake import Lake
from datasets.lock import lock_lake, lock_owner
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.recipe import Recipe
from ingest.sample.melt import write_melt_maps
from tests.ingest.kept_workers import command

_KILLED_POLITELY = """
import os, signal, sys
import datasets.season_updates
datasets.season_updates.replace = lambda url, content: os.kill(os.getpid(), signal.SIGTERM)
from ingest.__main__ import app
app(sys.argv[1:])
"""


@pytest.mark.slow
def test_a_polite_kill_releases_the_lock(lake: Lake, maps: Path) -> None:
    words = [sys.executable, "-c", _KILLED_POLITELY, "melt", lake.url, "--melt", str(maps)]
    done = subprocess.run(words, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False)
    assert done.returncode == 143, done.stderr
    assert lock_owner(lake.url) is None
    assert command("melt", lake.url, "--melt", maps).exit_code == 0


@pytest.mark.slow
def test_command_lines(lake: Lake, tmp_path: Path) -> None:
    sampled = command("sample", tmp_path / "raw", "--scenes", 1, "--lines", 200, "--samples", 220, "--melt")
    assert sampled.exit_code == 0, sampled.output
    melt = tmp_path / "raw" / "melt"
    first = command("melt", lake.url, "--melt", melt)
    assert first.exit_code == 0, first.output
    assert "11 of 11 records changed" in first.output
    for word in ("Jan", "Dec", "melt", "freeze", "none", "continuous onset · median of cells"):
        assert word in first.output
    other_rule = ("melt", lake.url, "--melt", melt, "--onset", "early", "--statistic", "vote")
    refused = command(*other_rule)
    assert refused.exit_code == 2
    assert "have another melt season or share of cells already" in refused.output
    early = command(*other_rule, "--overwrite")
    assert "early onset · vote of cells" in early.output
    with lock_lake(lake.url):
        assert "is being changed by another" in command("melt", lake.url, "--melt", melt).output
    written = CliRunner().invoke(lake_app, ["lists", lake.url, str(tmp_path / "ours")])
    assert written.exit_code == 0, written.output
    assert "15 lists in" in written.output
    compared = CliRunner().invoke(
        lake_app, ["lists", lake.url, str(tmp_path / "again"), "--compare", str(tmp_path / "ours"), "--as-published"]
    )
    assert compared.exit_code == 0, compared.output
    for word in ("agreement of the lists", "TwoSeasons_cat4", "Jaccard", "training scenes of the lake by season"):
        assert word in compared.output
    shown = CliRunner().invoke(lake_app, ["show", lake.url], env={"COLUMNS": "200"})
    assert "melt" in shown.output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["melt", "{lake}", "--melt", "{lake}"], "holds no melt map"),
        (["melt", "{lake}", "--melt", "{lake}/nothing"], "is no folder"),
        (["melt", "{lake}", "--melt", "{maps}", "--onset", "late"], "'late' is not one of"),
        (["melt", "{maps}", "--melt", "{maps}"], "is not a lake"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_exit_code_2(
    tiny_lake: Lake, maps: Path, words: list[str], sentence: str
) -> None:
    result = command(*(word.format(lake=tiny_lake.url, maps=maps) for word in words))
    assert result.exit_code == 2, result.output
    assert sentence in " ".join(result.output.split())


@pytest.mark.slow
def test_a_build_gives_the_seasons_in_the_same_go(raw_train: list[Path], maps: Path, tmp_path: Path) -> None:
    together = command("build", *raw_train[:3], "--ratios", "10", "--lake", tmp_path / "together", "--melt", maps)
    assert together.exit_code == 0, together.output
    assert "scenes by month and cryospheric season" in together.output
    recipe = Recipe(ratios=(10,))
    after = Lake.create(str(tmp_path / "after"), recipe.to_lake())
    publish(after, [convert_scene(str(path), recipe, after, "train") for path in raw_train[:3]], SplitOptions())
    assert command("melt", tmp_path / "after", "--melt", maps).exit_code == 0
    lakes = [Lake.open(str(tmp_path / name)) for name in ("together", "after")]
    assert lakes[0].digest == lakes[1].digest
    assert lakes[0].catalog() == lakes[1].catalog()
    assert any(row.cryoseason for row in lakes[0].catalog())


def test_a_year_without_a_map_is_said_before_anything_is_built(raw_train: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "melt"
    write_melt_maps(folder, [2012], seed=0)
    result = command("build", *raw_train[:2], "--lake", tmp_path / "lake", "--melt", folder)
    assert result.exit_code == 2, result.output
    assert f"{str(folder)!r} has no melt map of 20" in result.output
    assert not (tmp_path / "lake").exists()
