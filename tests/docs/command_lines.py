"""What a command of the docs is checked with where it is not run: the command line of its program, nothing invoked."""

import importlib.util
import re
import shlex
import warnings
from collections.abc import Sequence
from functools import cache
from importlib.metadata import metadata
from pathlib import Path
from typing import Final

import botocore.session
import click
import pytest
from botocore import xform_name
from packaging.requirements import Requirement
from typer.main import get_command
from typer.testing import CliRunner

from sweeps.design.catalogue import study, study_names
from sweeps.launch.command import application
from tests.docs.pages import ROOT

ROOMS: Final = ("ingest", "datasets", "training", "sweeps", "infra.platform", "infra.costs")
SLURM: Final = "infra/slurm/study.sbatch"


def check(words: Sequence[str]) -> None:
    """Fails unless the program that is named has this command, with these options, and takes these values."""
    match list(words):
        case [
            ("python" | ".venv/bin/python"),
            "-m",
            ("ingest" | "datasets" | "training" | "sweeps" | "infra.platform" | "infra.costs") as room,
            *rest,
        ]:
            _parse(_of_room(room), rest)
        case [
            ("python" | ".venv/bin/python"),
            "-m",
            ("tests.benchmarks" | "tests.gpu" | "tests.mutants") as package,
            *_,
        ]:
            assert importlib.util.find_spec(f"{package}.__main__"), f"no such package: {package}"
        case [("python" | ".venv/bin/python"), place, *rest] if place.startswith("sweeps/"):
            _plan(place, rest)
        case ["ray", *rest]:
            _of_ray(rest)
        case ["mlflow", *rest]:
            _parse(_mlflow(), rest)
        case ["make", *rest]:
            targets = {word for word in rest if "=" not in word}
            assert targets <= _targets(), f"no such target: {targets - _targets()}"
        case ["pip" | ".venv/bin/pip", "install", *rest]:
            _install(rest)
        case ["aws", service, operation, *rest] if service != "s3":
            _of_aws(service, operation, rest)
        case ["sbatch", *rest] if SLURM in rest:
            check(["python", *rest[rest.index(SLURM) + 1 :]])
        case ["sbatch", *rest] if "--wrap" in rest:
            check(shlex.split(rest[rest.index("--wrap") + 1]))
        case ["python", place, *_] | [("bash" | "sh"), place, *_] | ["cp", place, _] | ["source", place]:
            made = (".env", ".venv/bin/activate")
            assert place in made or (ROOT / place).exists(), f"no such file: {place}"
        case _:
            pytest.fail(f"nothing here can check {' '.join(words)!r}: say in tests/docs/classified.py why")


def _parse(command: click.Command, words: Sequence[str]) -> None:
    """As the program itself does, up to the moment at which it would start to work."""
    rest = list(words)
    while hasattr(command, "commands"):  # typer's groups are not click's by type
        assert rest, f"{command.name} needs a word"
        found = command.get_command(None, rest[0])  # type: ignore[attr-defined]  # which knows other names too
        assert found is not None, f"no such command: {rest[0]}"
        command, rest = found, rest[1:]
    try:
        command.make_context(command.name, rest)
    except Exception as error:
        if not hasattr(error, "format_message"):  # typer's errors are not click's by type either
            raise
        pytest.fail(f"{' '.join(words)}: {error.format_message()}")


def _plan(place: str, words: Sequence[str]) -> None:
    """A study, or all of them, with --dry-run: values of axes are looked at too; no step is timed for that."""
    name = Path(place).stem
    if name == "all":
        app = application({each: study(each) for each in study_names()}, name)
    else:
        app = application({name: study(name)}, name)
    _parse(get_command(app), words)
    planned = [word for word in words if word not in ("--dry-run", "--measure")]
    done = CliRunner().invoke(app, ["--dry-run", *planned])
    assert done.exit_code == 0, f"{place} {' '.join(words)}\n{done.output}"


def _of_ray(words: Sequence[str]) -> None:
    """Ray's own words, and then those of the job."""
    if "--" in words:
        at = list(words).index("--")
        own, job = list(words[:at]), list(words[at + 1 :])
    else:
        own, job = list(words), [word for word in words[2:] if word.startswith("sweeps/")]
    _parse(_ray(), [*own, *([] if "--" not in words else ["--", *job])])
    if job:
        check(["python", *job] if job[0].startswith("sweeps/") else job)


def _install(words: Sequence[str]) -> None:
    for word in words:
        if extras := re.search(r"^\.\[(.*)\]$", word):
            known = set(metadata("icebench").get_all("Provides-Extra") or ())
            assert set(extras[1].split(",")) <= known, f"no such extra: {word}"
        elif not word.startswith("-") and word != ".":
            Requirement(word)


def _of_aws(service: str, operation: str, words: Sequence[str]) -> None:
    """`aws SERVICE OPERATION --option`: operations and their members, as AWS's own command line derives them."""
    model = botocore.session.get_session().get_service_model(service.removesuffix("api"))  # s3api is S3 itself
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in operations, f"no such operation: {operation}"
    members = model.operation_model(operations[operation]).input_shape.members
    known = {f"--{xform_name(name, '-')}" for name in members} | {"--query", "--output", "--region"}
    assert {word for word in words if word.startswith("--")} <= known


@cache
def _of_room(room: str) -> click.Command:
    return get_command(__import__(f"{room}.__main__", fromlist=["app"]).app)


@cache
def _ray() -> click.Command:
    from ray.scripts.scripts import cli

    return cli


@cache
def _mlflow() -> click.Command:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own type hints
        from mlflow.cli import cli
    return cli


@cache
def _targets() -> set[str]:
    return set(re.findall(r"^([a-z][\w-]*):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE))
