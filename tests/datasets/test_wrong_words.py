"""Every command of `python -m datasets` with words that cannot work: one sentence, exit code 2, nothing made."""

import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from datasets.__main__ import app
from datasets.catalog import Catalog
from datasets.lake import Lake

SCENE = "20180314T214655_dmi"


@pytest.fixture(scope="module")
def places(tiny_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake whose scenes have melt seasons, and around it what people take for one."""
    root = tmp_path_factory.mktemp("places")
    (root / "lake").mkdir()
    (root / "lake" / "scenes").symlink_to(Path(tiny_lake.url) / "scenes")
    for name in ("recipe.json", "catalog.parquet"):
        shutil.copy(Path(tiny_lake.url) / name, root / "lake")
    lake = Lake.open(str(root / "lake"))
    lake.publish(Catalog.of(row.model_copy(update={"cryoseason": "melt"}) for row in lake.catalog()), {})
    (root / "file.txt").write_text("no lake")
    for name in ("empty", "foreign", "unfinished", "torn", "binary", "folder/recipe.json", "list", "catalog", "junk"):
        (root / name).mkdir(parents=True)
    (root / "foreign" / "thesis.tex").write_text("years of work")
    for name in ("unfinished", "catalog"):
        shutil.copy(root / "lake" / "recipe.json", root / name)
    (root / "catalog" / "catalog.parquet").write_bytes(b"PAR1 and no more")
    (root / "torn" / "recipe.json").write_text('{"format": ')
    (root / "binary" / "recipe.json").write_bytes(b"\xff\xfe\x00")
    (root / "list" / "recipe.json").write_text("[1]")
    (root / "junk" / "Melt_all_train_files.json").write_text("{not json")
    return root


CASES = {
    # show
    "show": "Missing argument",
    "show nowhere": "'nowhere' is not a lake (no recipe.json in it)",
    "show ''": "the place has an empty name",
    "show file.txt": "'file.txt' is a file, not a lake",
    "show lake/catalog.parquet": "is a file, not a lake",
    "show empty": "is not a lake",
    "show foreign": "is not a lake",
    "show unfinished": "has no catalog yet",
    "show catalog": "catalog.parquet is not a catalog",
    "show torn": "has a recipe.json that is not of a lake",
    "show binary": "has a recipe.json that is not of a lake",
    "show list": "has a recipe.json that is not of a lake",
    "show folder": "it is a folder, not a file",
    "show lake/scenes/" + SCENE + ".zarr": "is not a lake",
    "show s3:/bucket/lake": "write s3://bucket/lake",
    "show foo://bucket/lake": "which fsspec does not know",
    "show file://lake": "write file:// and an absolute path",
    "show lake nobody": "there is no scene 'nobody' among the 11",
    "show lake ''": "there is no scene ''",
    "show lake ../lake": "there is no scene '../lake'",
    "show lake " + SCENE + " more": "unexpected extra argument",
    "show lake --png x.foo": "unknown kind of picture 'foo'",
    "show lake --ratio 2 --png x.png": "name it after the lake",
    "show lake --map --png x.png": "name it after the lake",
    "show lake " + SCENE + " --ratio 2": "--ratio is of a picture",
    "show lake " + SCENE + " --ratio 0 --png x.png": "--ratio",
    "show lake " + SCENE + " --ratio two --png x.png": "--ratio",
    "show lake " + SCENE + " --ratio 3 --png new/x.png": "has no group 'r3'",
    "show lake " + SCENE + " --png new/x.foo": "unknown kind of picture 'foo'",
    "show lake " + SCENE + " --png new/x.PGN": "did you mean 'png'?",
    "show lake " + SCENE + " --png empty": "is a folder: give the name of a picture",
    "show lake " + SCENE + " --png file.txt/x.png": "cannot be used",
    "show lake " + SCENE + " --png s3://bucket/x.png": "has to be on a disk of this machine",
    "show lake " + SCENE + " --png": "requires an argument",
    "show lake --pgn x.png": "No such option",
    "look lake": "No such command",
    "show lake " + SCENE + " --png /proc/none/x.png": "nothing can be made there",
    "leaks lake --csv /proc/none/x.csv": "nothing can be made there",
    # lists
    "lists": "Missing argument",
    "lists lake": "Missing argument",
    "lists nowhere new": "is not a lake",
    "lists unfinished new": "has no catalog yet",
    "lists lake file.txt": "is a file: give a folder for the lists",
    "lists lake file.txt/new": "cannot be used",
    "lists lake /proc/none": "nothing can be made there",
    "lists lake file://new": "write file:// and an absolute path",
    "lists lake new --compare=file:junk": "write file:// and an absolute path",
    "lists lake gs://bucket/lists": "has to be on a disk of this machine",
    "lists lake new --compare nowhere": "holds none of the 15 lists",
    "lists lake new --compare file.txt": "holds none of the 15 lists",
    "lists lake new --compare empty": "holds none of the 15 lists",
    "lists lake new --compare junk": "cannot be read as JSON",
    "lists lake new --as-publsihed": "No such option",
}


@pytest.mark.parametrize("words", CASES)
def test_wrong_words(words: str, places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(places)
    monkeypatch.delenv("ICEBENCH_LAKE", raising=False)
    before = everything(places)
    given = ["" if word == "''" else word for word in words.split()]
    result = CliRunner().invoke(app, given, env={"COLUMNS": "300"})
    text = " ".join(result.output.replace("│", " ").split())
    assert result.exit_code == 2, text
    assert isinstance(result.exception, SystemExit)
    assert CASES[words] in text
    assert result.stdout == ""
    assert everything(places) == before


def everything(root: Path) -> list[tuple[str, int]]:
    found = [Path(folder) / name for folder, folders, files in os.walk(root) for name in (*folders, *files)]
    return sorted((str(path), path.lstat().st_mtime_ns) for path in found)


@pytest.mark.slow
def test_file_urls_are_paths_everywhere(places: Path, tmp_path: Path) -> None:
    def run(*words: str) -> str:
        result = CliRunner().invoke(app, words, env={"COLUMNS": "300"})
        assert result.exit_code == 0, result.output
        return result.output

    lake, folder = (places / "lake").as_uri(), tmp_path / "new lists"
    assert "11 scenes, 1" in run("show", lake)
    run("show", lake, SCENE, "--png", f"{tmp_path.as_uri()}/a%20scene.png", "--ratio", "10")
    assert (tmp_path / "a scene.png").stat().st_size > 10_000
    run("lists", lake, folder.as_uri())
    assert len(list(folder.iterdir())) == 15
    assert "Jaccard" in run(
        "lists", f"file:{places}/lake", f"file://localhost{tmp_path}/again", "--compare", folder.as_uri()
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a scene.png", "again", "new lists"]
