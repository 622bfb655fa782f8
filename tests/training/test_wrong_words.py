"""Every command of training with wrong words and missing, empty or foreign files: a sentence, exit 2, nothing made."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from datasets.lake import Lake
from tests.training.attribution.explained import untrained
from training.__main__ import app
from training.loop.checkpoint import load_checkpoint, save_checkpoint
from training.spec import TrialSpec

runner = CliRunner()

CHECKPOINTS = {
    "junk.pt": b"this is no checkpoint",
    "empty.pt": b"",
    "torn.pt": b"PK\x03\x04" + b"\0" * 40,
    "pickled.pt": pickle.dumps(Path("somewhere")),
    "result.json": b"{}",
}
SPECS = {
    "binary.yaml": b"\xff\xfe\x00\x01",
    "control.yaml": b"a: \x07\n",
    "list.yaml": b"- 1\n- 2\n",
    "empty.yaml": b"",
    "word.yaml": b"unet\n",
    "torn.json": b'{"data": {',
    "numbers.yaml": b"1: 2\n",
    "nested.yaml": b"data: {train: {season: [1, {}]}}\n",
}


@pytest.fixture(scope="module")
def trained(tiny_lake: Lake, small_spec: TrialSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """best.pt of a network on the tiny lake."""
    return untrained(small_spec, tiny_lake, tmp_path_factory.mktemp("trained"))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: Path) -> Path:
    """A working folder with things that are not what is asked for."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("ICEBENCH_LAKE", raising=False)
    for name, content in {**CHECKPOINTS, **SPECS}.items():
        Path(name).write_bytes(content)
    torch.save({"state": torch.zeros(2)}, "foreign.pt")
    torch.save({"format": 2, "kind": "weights"}, "gaps.pt")
    torch.save([1, 2], "list.pt")
    for name in ("folder", "folder.yaml", "folder.pt"):
        Path(name).mkdir()
    kept = load_checkpoint(trained)
    save_checkpoint(folder / "other_lake.pt", replace(kept, spec=kept.spec.with_("data.lake", "0" * 12)))
    (folder / "a.sqlite").write_text("no database")
    return folder


def tree(folder: Path) -> set[tuple[str, int]]:
    return {(path.relative_to(folder).as_posix(), path.stat().st_size) for path in folder.rglob("*")}


NO_CHECKPOINTS = [
    "nowhere.pt",
    "folder",
    "folder.pt",
    *CHECKPOINTS,
    "foreign.pt",
    "gaps.pt",
    "list.pt",
    "other_lake.pt",
]
NO_SPECS = ["nowhere.yaml", "icebench_unte", "folder.yaml", "folder", *SPECS, "junk.pt", ""]
NO_LAKES = ["nowhere", "folder", "", "http//x", "quux://bucket/lake"]
NO_TRACKING = [
    "mlruns",
    "sqlite:///a.sqlite",
    "sqlite:////proc/none",
    "sqlite:////sys/none.db",
    "http://",
    "http://127.0.0.1:x",
    "http://127.0.0.1:1",
    "postgresql://a/b",
]
CHANGES = [
    "data",
    "data.ratio",
    "=",
    "data.ratio=[",
    "data.ratio=3",
    "nothing=1",
    "data.ratio.x=1",
    "model.name=timm:nothing",
]


def commands() -> list[list[str]]:
    lake = ["--lake", "LAKE"]
    found: list[list[str]] = [
        ["nonsense"],
        ["run", "--nonsense"],
        ["models", "x"],
        ["specs", "x"],
        ["run", *lake, "word"],
    ]
    found += [["run"], ["predict"], ["attribute"], ["predict", *lake, "--out", "o"], ["attribute", *lake]]
    found += [["run", "--lake", each] for each in NO_LAKES]
    found += [["run", *lake, "--spec", each] for each in NO_SPECS]
    found += [["run", "--show", "--spec", each] for each in NO_SPECS]
    found += [["run", *lake, "--tracking-uri", each] for each in NO_TRACKING]
    found += [["run", *lake, "--set", each] for each in CHANGES]
    found += [["run", *lake, "--workers", each] for each in ("-1", "two")]
    found += [["run", *lake, "--folder", each] for each in ("junk.pt", "junk.pt/below", "/proc/none")]
    for command in (["predict", "--out", "o"], ["attribute"]):
        maps_any_lake = command[0] == "predict"
        wrong = [each for each in NO_CHECKPOINTS if not (maps_any_lake and each == "other_lake.pt")]
        found += [[*command, *lake, "--checkpoint", each] for each in wrong]
        found += [[*command, "--lake", each, "--checkpoint", "BEST"] for each in NO_LAKES]
        found += [[*command, *lake, "--checkpoint", "BEST", "--target", "ICE"]]
    predict = ["predict", *lake, "--checkpoint", "BEST"]
    found += [[*predict, "--out", each] for each in ("junk.pt", "/proc/none")]
    found += [[*predict, "--out", "o", *each] for each in (["--format", "tiff"], ["--ratio", "7"], ["--ratio", "x"])]
    attribute = ["attribute", *lake, "--checkpoint", "BEST"]
    for name, value in {"method": "magic", "split": "all", "classes": "fog", "baseline": "x", "steps": "0"}.items():
        found.append([*attribute, f"--{name}", value])
    found += [[*attribute, "--out", each] for each in ("junk.pt", "/proc/none")]
    found += [[*attribute, "--memory-gb", "0"], [*attribute, "--patches-per-scene", "0"], [*attribute, "--seed", "x"]]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_wrong_words_are_told_in_a_sentence_and_make_nothing(
    words: list[str], place: Path, tiny_lake: Lake, trained: Path
) -> None:
    given = [{"LAKE": tiny_lake.url, "BEST": str(trained)}.get(word, word) for word in words]
    before = tree(place)
    done = runner.invoke(app, given)
    assert isinstance(done.exception, SystemExit), (done.exception, done.output)
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output
    assert len(done.output) < 1500
    assert tree(place) == before
