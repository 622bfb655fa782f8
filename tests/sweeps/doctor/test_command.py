"""`python -m sweeps doctor` as a person types it."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from datasets.lake import Lake
from sweeps.__main__ import app
from sweeps.doctor.cluster import of_node
from sweeps.launch.cluster import NodeReport
from sweeps.launch.finding import Finding
from tests.free_ports import free_ports


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "local")


def doctor(*words: str) -> tuple[int, list[str]]:
    done = CliRunner().invoke(app, ["doctor", *words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output.splitlines()


@pytest.mark.slow
def test_a_study_can_run(tiny_lake: Lake, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    code, lines = doctor("--lake", tiny_lake.url, "--tracking-uri", uri, "--storage", str(tmp_path / "ray"))
    assert (code, lines[-1]) == (0, "a study can run here"), lines
    assert all(re.match(r"(ok|warning) +\S", line) for line in lines[:-1]), lines
    names = " ".join(lines)
    for name in ("versions", "our packages", "GPU", "shared memory", "disk", "open files", "Ray", "lake", "storage"):
        assert name in names
    assert list(tmp_path.iterdir()) == [], "nothing was made"


@pytest.mark.slow
def test_a_study_cannot_run(tmp_path: Path) -> None:
    uri = f"http://user:hunter2@127.0.0.1:{free_ports(1)[0]}"
    code, lines = doctor("--lake", str(tmp_path), "--tracking-uri", uri, "--storage", str(tmp_path))
    errors = [line.split()[1] for line in lines if line.startswith("error")]
    assert (code, errors, lines[-1]) == (1, ["lake", "MLflow"], "a study would fail here")
    assert "hunter2" not in "".join(lines)


def test_a_tracking_uri_that_cannot_be_used_is_a_wrong_argument(tmp_path: Path) -> None:
    code, lines = doctor("--tracking-uri", str(tmp_path))
    assert (code, len(lines)) == (2, 1)


def test_no_ray_where_one_should_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free_ports(1)[0]}")
    code, lines = doctor("--storage", str(tmp_path))
    assert code == 1
    assert any(line.startswith("error") and "no Ray answers" in line for line in lines)


def test_a_node_is_named_with_its_clock() -> None:
    good = Finding(name="lake", level="ok", message="fine")
    findings = list(of_node(NodeReport(node="10.0.0.7", findings=(good,), drift_s=-120.0)))
    assert [(each.name, each.level) for each in findings] == [("lake", "ok"), ("clock", "warning")]
    assert all(each.message.startswith("node 10.0.0.7: ") for each in findings)
    assert "120 s behind that of the driver" in findings[1].message


def test_a_python_that_ray_start_cannot_use_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free_ports(1)[0]}")
    monkeypatch.setattr("sys.executable", "/sea ice/.venv/bin/python")
    _, lines = doctor("--storage", str(tmp_path))
    assert any(line.startswith("warning") and "/sea ice/" in line for line in lines), lines
