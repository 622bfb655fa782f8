"""What the docs tell people to type works: their Python blocks run on a real lake, in order, in one namespace."""

import os
import re
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import botocore.session
import click
import pytest
from botocore import xform_name
from typer.main import get_command

from datasets.lake import Lake
from sweeps.design.catalogue import study, study_names

ROOT = Path(__file__).parents[1]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)


def test_recipes_of_the_lake_page_run(tiny_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = blocks("docs/lake.md", "python")
    assert len(found) == 5
    namespace: dict[str, object] = {"lake": tiny_lake.url}
    for block in found:
        exec(compile(block, "docs/lake.md", "exec"), namespace)


def test_links_between_pages_lead_somewhere() -> None:
    docs = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))
    for page in ("README.md", "CONTRIBUTING.md", *docs, "infra/README.md", "infra/bucket/README.md"):
        folder = (ROOT / page).parent
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / page).read_text()):
            assert (folder / target).exists(), f"{page} -> {target}"


def test_commands_of_the_readme_exist() -> None:
    text = (ROOT / "README.md").read_text()
    for module in set(re.findall(r"python -m ([a-z]+)", text)):
        assert (ROOT / module / "__main__.py").exists()
    for target in set(re.findall(r"\bmake ([a-z]+)", text)):
        assert f"\n{target}:" in (ROOT / "Makefile").read_text()


OPERATIONS = "docs/operations.md"


def commands(page: str) -> list[list[str]]:
    """Words of each command of the page's shell blocks; loops, functions and pipes are taken apart."""
    found = []
    for block in blocks(page, "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&()<>")
            lexer.whitespace_split = True
            words: list[str] = []
            for word in [*lexer, ";"]:
                if set(word) <= set("|;&()<>{}"):
                    found += [words] if words else []
                    words = []
                elif word not in ("do", "done", "for") or words:
                    words.append(word)
    return found


def options_of(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)} | {
        "--help"
    }


def unknown_options(command: click.Command, words: list[str]) -> list[str]:
    """Options among the words that neither the command nor the subcommand that they name has."""
    known = options_of(command)
    while words and words[0] in getattr(command, "commands", {}):  # typer's groups are not click's by type
        command, words = command.commands[words[0]], words[1:]
        known = options_of(command)
    assert not hasattr(command, "commands"), f"no such command: {words[:1]}"
    own = words[: words.index("--")] if "--" in words else words
    return [word for word in own if word.startswith("--") and word.partition("=")[0] not in known]


def command_line(name: str) -> click.Command:
    """Ours by module or file of a study, Ray's and MLflow's by their name."""
    if name == "ray":
        from ray.scripts.scripts import cli

        return cli
    if name == "mlflow":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own type hints
            from mlflow.cli import cli as of_mlflow
        return of_mlflow
    if name.startswith("sweeps/"):
        from sweeps.launch.command import application

        stem = Path(name).stem
        return get_command(application({stem: study(stem)}, stem))
    module = __import__(f"{name}.__main__", fromlist=["app"])
    return get_command(module.app)


def ours(words: list[str]) -> tuple[str, list[str]] | None:
    """Name of the command line and what follows it, for those that are checked."""
    words = words[1:] if words[:1] == ["--"] else words
    if words[:2] == ["python", "-m"]:
        return words[2], words[3:]
    if words[:1] == ["python"] and words[1].startswith("sweeps/"):
        return words[1], words[2:]
    if words[:1] and (words[0] in ("ray", "mlflow") or words[0].startswith("sweeps/")):
        return words[0], words[1:]
    return None


def test_shell_blocks_are_shell() -> None:
    for page in ("README.md", "CONTRIBUTING.md", OPERATIONS):
        for block in blocks(page, "bash"):
            done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True)
            assert done.returncode == 0, f"{page}: {done.stderr}\n{block}"


def test_options_in_operations_exist() -> None:
    checked: set[str] = set()
    inline = [shlex.split(text) for text in re.findall(r"`((?:ray|python) [^`]+)`", (ROOT / OPERATIONS).read_text())]
    for words in [*commands(OPERATIONS), *inline]:
        words = [word for word in words if word != "..."]
        while found := ours(words):
            name, rest = found
            assert unknown_options(command_line(name), rest) == [], " ".join(words)
            checked.add(name)
            words = rest[rest.index("--") + 1 :] if name == "ray" and "--" in rest else []
    assert {"ingest", "sweeps", "ray", "sweeps/downscale.py"} <= checked


def test_a_wrong_option_would_be_found() -> None:
    assert unknown_options(command_line("ray"), ["job", "submit", "--wait", "--", "x", "--y"]) == ["--wait"]
    assert unknown_options(command_line("ingest"), ["build", "RAW", "--laek", "L"]) == ["--laek"]
    with pytest.raises(AssertionError, match="no such command"):
        unknown_options(command_line("ray"), ["jobs"])


def test_commands_of_aws_in_operations_exist() -> None:
    """`aws SERVICE OPERATION --option`: operations and their members, as AWS's own command line derives them."""
    session, seen = botocore.session.Session(), 0
    for words in commands(OPERATIONS):
        if words[0] != "aws" or words[1] == "s3":
            continue
        model = session.get_service_model(words[1].removesuffix("api"))  # s3api is S3 itself
        operations = {xform_name(name, "-"): name for name in model.operation_names}
        assert words[2] in operations, " ".join(words)
        members = model.operation_model(operations[words[2]]).input_shape.members
        known = {f"--{xform_name(name, '-')}" for name in members} | {"--query", "--output", "--region"}
        assert {word for word in words if word.startswith("--")} <= known, " ".join(words)
        seen += 1
    assert seen > 10


def test_files_and_targets_in_operations_exist() -> None:
    text = (ROOT / OPERATIONS).read_text()
    for path in set(re.findall(r"(?<![\w/.])(?:file://)?((?:infra|sweeps)/[\w./-]+\.(?:\w+))", text)):
        assert (ROOT / path).exists(), path
    for target in set(re.findall(r"\bmake ([a-z]+)", "".join(blocks(OPERATIONS, "bash")))):
        assert f"\n{target}:" in (ROOT / "Makefile").read_text()


def test_the_lake_opens_as_operations_say(tiny_lake: Lake) -> None:
    (block,) = blocks(OPERATIONS, "python")
    exec(compile(block, OPERATIONS, "exec"), {"lake": tiny_lake.url, "scene_id": tiny_lake.catalog().scene_ids[0]})


def test_the_study_of_the_page_is_a_study(tmp_path: Path) -> None:
    (code,) = blocks("docs/studies.md", "python")
    place = tmp_path / "sweeps" / "incidence.py"
    place.parent.mkdir()
    place.write_text(code)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(place), "--dry-run"], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "incidence: 12 trials" in done.stdout
    assert "without incidence angle" in done.stdout


def test_the_page_of_studies_has_them_all() -> None:
    page = (ROOT / "docs/studies.md").read_text()
    for name in study_names():
        (row,) = re.findall(rf"^\| `{name}` \|.*\| (\d+) \|$", page, re.M)
        assert int(row) == len(study(name).trials()), name
