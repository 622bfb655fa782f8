"""Words and flags of the three servers against the programs that they start."""

import re
import subprocess
import warnings
from pathlib import Path

import pytest
from typer.testing import CliRunner

from datasets.process.ray_trouble import lost_in_a_shell
from infra.platform import __main__ as command
from infra.platform.instructions import instructions
from infra.platform.services import (
    HEAD_PORTS,
    NODE_PORTS,
    S3_PORTS,
    mlflow_words,
    object_store_words,
    program,
    ray_words,
)
from tests.free_ports import free_ports
from tests.infra.platform.test_ports import listening
from tests.infra.platform.test_state import prepared

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own type hints
    from mlflow.cli import server


def flags(words: list[str]) -> set[str]:
    return {word.partition("=")[0].lstrip("-") for word in words if word.startswith("-")}


def test_flags_of_the_object_store() -> None:
    words = object_store_words("s3", "lake", dict.fromkeys(S3_PORTS, 1), users="u.json")
    done = subprocess.run([program("weed"), "help", "mini"], capture_output=True, text=True)
    known = set(re.findall(r"^  -(\S+)", done.stdout + done.stderr, flags=re.MULTILINE))
    assert flags(words[words.index("mini") + 1 :]) <= known


def test_flags_of_mlflow() -> None:
    options = {option.lstrip("-") for parameter in server.params for option in parameter.opts}
    assert flags(mlflow_words(1, "sqlite:///x", "s3://x")[3:]) <= options


@pytest.mark.parametrize("head", ["", "127.0.0.1:6379"])
def test_flags_of_ray(head: str) -> None:
    from ray.scripts.scripts import start

    options = {option.lstrip("-") for parameter in start.params for option in parameter.opts}
    ports = dict.fromkeys(NODE_PORTS if head else HEAD_PORTS, 1)
    assert flags(ray_words("/tmp/x", ports, head=head, cpus=1)) <= options


def test_what_is_printed_can_be_pasted(tmp_path: Path) -> None:
    said = instructions(prepared(tmp_path / "My $lake's (1)", demo=True), "7", "scene", "make platform-down")
    typed = [line.strip() for line in said.splitlines() if line.strip().startswith(("source ", "ray ", "python "))]
    assert len(typed) == 3
    for line in typed:
        assert subprocess.run(["bash", "-n", "-c", line], capture_output=True).returncode == 0
    assert "/#/experiments/7/runs?workflowType=machine_learning" in said
    assert "there is no lake yet" in instructions(prepared(tmp_path), "7", None, "x")


def up(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(command.app, list(words))
    return done.exit_code, " ".join(done.output.split())


@pytest.fixture(autouse=True)
def _in_a_plain_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever this checkout is."""
    monkeypatch.setattr(command, "lost_in_a_shell", lambda python: False)


def test_a_path_in_which_ray_starts_no_worker_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(command, "lost_in_a_shell", lost_in_a_shell)
    monkeypatch.setattr("sys.executable", "/sea ice/.venv/bin/python")
    code, said = up("up", "--folder", str(tmp_path / "p"))
    assert (code, "'/sea ice/.venv/bin/python' cannot start its workers" in said) == (2, True)
    assert not (tmp_path / "p").exists()


def test_a_port_that_is_taken_starts_nothing(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with listening(port):
        code, said = up("up", "--folder", str(tmp_path / "p"), "--mlflow-port", str(port))
    assert (code, f"--mlflow-port {port}: this port is taken" in said) == (2, True)
    assert not (tmp_path / "p" / "platform.json").exists()


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == "supervisor" else 1)
    code, said = up("up", "--folder", str(tmp_path / "p"))
    assert (code, "pip install -e '.[platform]'" in said) == (2, True)
    assert not (tmp_path / "p").exists()


def test_nothing_to_end(tmp_path: Path) -> None:
    code, said = up("down", "--folder", str(tmp_path / "p"))
    assert (code, said) == (0, f"nothing runs in {tmp_path / 'p'}")
    assert not (tmp_path / "p").exists()


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    code, said = up("up", "--folder", str(tmp_path / "file"))
    assert (code, "give another --folder" in said) == (2, True)


def test_ray_gets_a_folder_in_which_its_sockets_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/tmp/" + "x" * 45)
    assert command._short_folder() == "/tmp"
    monkeypatch.setenv("RAY_TMPDIR", "/var/tmp")
    assert command._short_folder() == "/var/tmp"
