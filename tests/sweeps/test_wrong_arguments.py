"""Every command of studies with wrong words, missing things and files for folders: a sentence, and nothing is made."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from datasets.lake import Lake
from sweeps.__main__ import app
from sweeps.record.study import StudyTracker
from tests.mlflow_server import fresh_database

NO_RECORD = "there is no record of MLflow in"
TYPO = "sqlite:///{tmp}/TYPO.db"
SMALL = "--smoke --task pixel --only data.ratio=10"
OWN = "--set data.ratio=10 --set data.patch_size=16"
WRONG: dict[str, str] = {
    # `run` and the studies as scripts have one command line
    "run": "Missing argument",
    "run --hlep": "unknown study '--hlep'",
    "run downscal": "did you mean 'downscale'?",
    "run downscale --lake": "requires an argument",
    "run downscale --lake {tmp}/none": "is not a lake",
    "run downscale --lake {folder}": "is not a lake",
    "run downscale --lake {lake} --seeds 0": "--seeds",
    "run downscale --lake {lake} --only data.ratio": "has no '='",
    "run downscale --lake {lake} --only data.ratio=99": "99",
    "run downscale --lake {lake} --gpus-per-trial 1.5": "whole",
    "run downscale --lake {lake} --search best": "unknown search 'best'",
    "run downscale --lake {lake} --scheduler best": "unknown scheduler 'best'",
    "run downscale --lake {lake} --task best": "'best' is not one of",
    "run downscale --lake {lake} --tracking-uri {folder}": "cannot be used",
    "run downscale --lake {lake} --tracking-uri sqlite:///{file}": "is not a sqlite database",
    "run downscale --lake {lake} {small} --storage {folder} --tracking-uri sqlite:///{folder}": "Is a directory",
    "run downscale --lake {lake} --tracking-uri http://": "no good host",
    "run downscale --lake {lake} {small} --tracking-uri {uri} --storage {file}": "{file}",
    "run downscale extra": "unexpected extra argument 'extra'",
    "run downscale smoke": "did you mean --smoke?",
    "run downscale data.ratio=5": "did you mean --only data.ratio=5?",
    "compare --lake {lake} --model a:B --task pixel loop.max_epochs=1": "did you mean --set loop.max_epochs=1?",
    "list extra": "unexpected extra argument",
    "status --tracking-uri {typo}": NO_RECORD,
    "status --tracking-uri sqlite:///{file}": "is not a sqlite database",
    "status --tracking-uri sqlite:///{folder}": "(it is a folder)",
    "status --tracking-uri {tmp}/folder": "cannot be used",
    "status none --tracking-uri {uri}": "unknown study in MLflow 'none'",
    "status --tracking-uri http://127.0.0.1:1": "does not answer",
    "report --tracking-uri {typo}": NO_RECORD,
    "report none --tracking-uri {uri}": "unknown study 'none'",
    "report made --all --tracking-uri {uri}": "give one of them",
    "report made --lake-digest none --tracking-uri {uri}": "unknown lake",
    "report made --no-log --tracking-uri {uri} --out {file}": "{file}",
    "report made --no-log --tracking-uri {uri} --out {file}/below": "{file}",
    "report made --no-log --tracking-uri {uri} --out /proc/none": "nothing can be made in '/proc'",
    "compare --lake {lake}": "no --model was given",
    "compare --lake {lake} --model nothing:Net --task pixel {own}": "nothing",
    "compare --lake {lake} --model nothing --task pixel {own}": "nothing",
    "compare --lake {lake} --model a:B --task best": "unknown --task 'best'",
    "compare --lake {lake} --model a:B --task pixel --params [": "no JSON",
    "compare --lake {lake} --mode best": "unknown mode 'best'",
    "compare --lake {lake} --mode evaluate": "needs a --checkpoint",
    "compare --lake {lake} --mode evaluate --checkpoint {tmp}/none.pt": "none.pt",
    "compare --lake {lake} --mode evaluate --checkpoint {folder}": "{folder}",
    "compare --lake {tmp}/none --model {net} --task pixel": "is not a lake",
    "compare --lake {lake} --model {net} --task pixel {own} --against x --tracking-uri {typo}": NO_RECORD,
    "compare --lake {lake} --model {net} --task pixel {own} --against x": "--tracking-uri",
    "compare --lake {lake} --model {net} --task pixel {own} --out {file}": "{file}",
    "compare --lake {lake} --model {net} --task pixel {own} --runs {file}": "{file}",
    "compare --lake {lake} --model {net} --task pixel {own} --out /proc/none": "nothing can be made in '/proc'",
    "compare --lake {lake} --model {net} --task pixel {own} --runs /sys/none": "nothing can be made in '/sys'",
    "leaderboard --tracking-uri {typo}": NO_RECORD,
    "leaderboard --tracking-uri {uri}": "there is no trial",
    "leaderboard --out {file}": "is a file",
    "leaderboard --submission /proc/none/s.json": "nothing can be made in '/proc'",
    "leaderboard --submission {file}/below/s.json": "is a file",
    "leaderboard --form best": "unknown form 'best'",
    "leaderboard --check {tmp}/none.json": "none.json",
    "leaderboard --check {file}": "file is no JSON",
    "leaderboard --check {folder}": "{folder}",
    "leaderboard --predictions {folder}": "--check",
    "leaderboard --submission {file}": "exists",
    "sync --outbox {tmp}/none": "there is no folder",
    "sync --outbox {file}": "there is no folder",
    "sync --outbox {folder} --tracking-uri {typo}": NO_RECORD,
    "sync --outbox {folder} --tracking-uri {folder}": "cannot be used",
    "non": "No such command",
}


NET = """
from torch import nn

class Net(nn.Conv2d):
    def __init__(self, in_channels, n_outputs):
        super().__init__(in_channels, n_outputs, 1)
"""


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    address = fresh_database(tmp_path_factory.mktemp("record"))
    StudyTracker.open(address, study="made", lake="lake1")
    return address


@pytest.mark.parametrize("words", WRONG)
def test_wrong_words_are_told_in_a_sentence_and_make_nothing(
    words: str, uri: str, tiny_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("a text")
    (tmp_path / "own_net.py").write_text(NET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("ICEBENCH_LAKE", "ICEBENCH_STORAGE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    places = {
        "tmp": tmp_path,
        "file": tmp_path / "file",
        "folder": tmp_path / "folder",
        "lake": tiny_lake.url,
        "uri": uri,
        "typo": TYPO.format(tmp=tmp_path),
        "net": "own_net:Net",
    }
    typed = words.replace("{small}", SMALL).replace("{own}", OWN).split()
    done = CliRunner().invoke(app, [word.format(**places) for word in typed], env={"COLUMNS": "1000"})
    assert isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == 2
    assert WRONG[words].format(**places) in done.output
    assert sorted(path.name for path in tmp_path.rglob("*") if "__pycache__" not in path.parts) == [
        "file",
        "folder",
        "own_net.py",
    ]


def test_help_of_the_command_that_runs_a_study() -> None:
    done = CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    assert "Name of the study." in done.output
