"""No command dies of a terminal: of characters that it cannot show, of its width, or of its end."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from datasets.lake import Lake
from datasets.process.terminal import CommandLine
from sweeps.design.catalogue import study, study_names
from sweeps.launch.command import application

PACKAGES = ("datasets", "ingest", "training", "sweeps")

PRINTING = (
    "datasets show LAKE",
    "datasets show LAKE SCENE --png DIR/scene.png --ratio 10",
    "datasets show DIR/hier-für-Gäste",
    "datasets lists LAKE DIR/lists",
    "ingest sample DIR/raw --scenes 1 --lines 420 --samples 520",
    "ingest sample DIR/ärchiv/raw --scenes 1 --lines 420 --samples 520",
    "ingest build RAW --lake DIR/nowhere/é",
    "ingest verify LAKE",
    "ingest melt LAKE --melt DIR/ñ",
    "training specs",
    "training run --lake LAKE --show",
    "training run --lake LAKE --set data.ratio=ü",
    "training predict --checkpoint DIR/ü.pt --lake LAKE --out DIR/maps",
    "sweeps list",
    "sweeps run downscale --dry-run --lake LAKE",
    "sweeps run dównscale",
    "sweeps status --tracking-uri sqlite:///DIR/mlflow.db",
    "sweeps compare ü --lake LAKE",
)
"""Commands that print without training; those with a word that is no ASCII have it in what they print."""


def application_of(words: list[str]) -> typer.Typer:
    app: typer.Typer = import_module(f"{words[0]}.__main__").app
    return app


@pytest.mark.slow
@pytest.mark.parametrize("line", PRINTING)
def test_a_terminal_of_ascii_and_forty_columns(
    line: str, tiny_lake: Lake, raw_train: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"LAKE": tiny_lake.url, "SCENE": tiny_lake.catalog().scene_ids[0], "RAW": str(raw_train[0])}
    words = [places.get(word, word.replace("DIR", str(tmp_path))) for word in line.split()]
    environment = {"COLUMNS": "40", "TERM": "dumb", "NO_COLOR": "1"}
    result = CliRunner(charset="ascii").invoke(application_of(words), words[1:], env=environment)
    assert result.exit_code in (0, 1, 2)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.output
    assert result.output.isascii()


def commands(app: typer.Typer) -> Iterator[list[str]]:
    command = get_command(app)
    yield []
    for name in getattr(command, "commands", {}):
        yield [name]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_help_on_a_terminal_of_ascii(package: str) -> None:
    app = application_of([package])
    assert isinstance(app, CommandLine), "the entry point that makes terminals harmless"
    for words in commands(app):
        result = CliRunner(charset="ascii").invoke(app, [*words, "--help"], env={"COLUMNS": "40"})
        assert not isinstance(result.exception, UnicodeError), words
        assert result.output.isascii()


def test_every_study_on_a_terminal_of_ascii() -> None:
    for name in study_names():
        app = application({name: study(name)}, name)
        result = CliRunner(charset="ascii").invoke(app, ["--dry-run"], env={"COLUMNS": "40"})
        assert result.exit_code == 0, result.output


def run(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        env={**kept, **environment, "PYTHON": sys.executable},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        encoding="ascii",
        errors="replace",
    )


C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("$PYTHON -m datasets show {lake} {scene}", 0),
        ("$PYTHON -m datasets show {lake} | head -1 >/dev/null", None),
        ("$PYTHON -m datasets show {lake} >&- 2>&-", 0),
        ("$PYTHON -m datasets show {lake}/nothing-für-dich", 2),
    ],
)
def test_a_process_in_the_locale_c(line: str, code: int | None, tiny_lake: Lake) -> None:
    done = run(line.format(lake=tiny_lake.url, scene=tiny_lake.catalog().scene_ids[0]), **C_LOCALE)
    assert "Traceback" not in done.stderr, done.stderr
    assert "Exception ignored" not in done.stderr, done.stderr
    assert code is None or done.returncode == code, done.stderr
