"""Rules that hold for all files of infra/: a head that says what it is, and no secret anywhere."""

import json
import re
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.infra.cluster_files import GENERATED, INFRA, ROOT, environment, files

SECRET_NAME = re.compile(r"PASSWORD|SECRET|TOKEN|ACCESS_KEY|CREDENTIALS|private.key", flags=re.IGNORECASE)
SECRET_VALUE = [
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),  # AWS
    re.compile(r"-----BEGIN [A-Z ]*KEY"),
    re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}|\bAIza[0-9A-Za-z_-]{30,}|\bya29\."),  # GitHub, Google
    re.compile(r"\b[0-9a-f]{32,}\b|\b[A-Za-z0-9+/]{40,}={0,2}\b(?<![/a-z])"),  # anything as long as a key
    re.compile(r"://[^/\s:$]+:[^$\s@{(][^\s@]*@"),  # a password in a URL that is no reference
]
NOT_A_DEPLOYMENT = {"env.example", "README.md", "render.py", "lock.sh", "requirements.in", "Dockerfile.dockerignore"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", files(), ids=relative)
def test_its_head_says_what_it_is(path: Path) -> None:
    if path.suffix == ".json":  # has no comments: the page of its folder says it
        assert path.name in (INFRA / "bucket" / "README.md").read_text()
        return
    lines = path.read_text().splitlines()
    head = lines[1] if lines[0].startswith("#!") else lines[0]
    assert re.match(r'(#|""")\s*\S+ \S+ \S+', head) or path.suffix == ".md", head
    if path.name not in NOT_A_DEPLOYMENT:
        comments = path.read_text() if path.suffix == ".py" else "\n".join(line for line in lines if line[:1] == "#")
        assert "Not run: " in comments


@pytest.mark.parametrize("path", files(), ids=relative)
def test_operations_name_it(path: Path) -> None:
    """What could not be run is said there too."""
    page = (ROOT / "docs" / "operations.md").read_text() + (INFRA / "README.md").read_text()
    if path.parent == INFRA / "bucket":
        assert path.name in (INFRA / "bucket" / "README.md").read_text() or path.name == "README.md"
    else:
        assert relative(path) in page or path.relative_to(INFRA).as_posix() in page


@pytest.mark.parametrize("path", [*files(), ROOT / "docs" / "operations.md"], ids=relative)
def test_it_holds_no_secret(path: Path) -> None:
    for pattern in SECRET_VALUE:
        assert not pattern.search(path.read_text()), pattern.pattern


def test_the_scan_sees_what_a_secret_looks_like() -> None:
    for secret in ("AKIA" + "ABCDEFGHIJKLMNOP", "postgresql://mlflow:hunter2@db", "0123456789abcdef" * 2):
        assert any(pattern.search(secret) for pattern in SECRET_VALUE)
    for reference in ("://mlflow:$(POSTGRES_PASSWORD)@db", "://mlflow:${POSTGRES_PASSWORD}@db"):
        assert not any(pattern.search(reference) for pattern in SECRET_VALUE)


def test_secrets_of_the_example_are_empty() -> None:
    values = environment()
    secret = {name for name in values if SECRET_NAME.search(name) or name.endswith("_KEY")}
    assert {"MLFLOW_TRACKING_PASSWORD", "AWS_SECRET_ACCESS_KEY", "RAY_AUTH_TOKEN", "POSTGRES_PASSWORD"} <= secret
    assert {name: values[name] for name in secret if values[name]} == {}


def test_secrets_of_manifests_are_references() -> None:
    for path in files():
        if path.suffix != ".yaml":
            continue
        for name, value in scalars(list(yaml.safe_load_all(path.read_text()))):
            if SECRET_NAME.search(name) and name not in ("automountServiceAccountToken", "HttpTokens"):
                assert re.fullmatch(r"\$\{.*\}|icebench-\w+|~/\..*", str(value)), f"{path.name}: {name}"


def scalars(value: object, name: str = "") -> list[tuple[str, object]]:
    """(key, value) of every leaf; a `{name, value}` pair of Kubernetes counts as one."""
    if isinstance(value, dict):
        if value.keys() == {"name", "value"}:
            return [(str(value["name"]), value["value"])]
        return [leaf for key, each in value.items() if key != "secretKeyRef" for leaf in scalars(each, str(key))]
    if isinstance(value, list):
        return [leaf for each in value for leaf in scalars(each, name)]
    return [(name, value)]


@pytest.mark.parametrize("path", [path for path in files() if path.suffix == ".json"], ids=relative)
def test_json_is_json(path: Path) -> None:
    json.loads(path.read_text())


@pytest.mark.parametrize("path", [path for path in files() if path.suffix in (".sh", ".py")], ids=relative)
def test_scripts_can_be_run(path: Path) -> None:
    assert path.stat().st_mode & stat.S_IXUSR
    if path.suffix == ".sh":
        shell = path.read_text().splitlines()[0].split("/")[-1].split()[-1]
        assert subprocess.run([shell, "-n", path], capture_output=True).returncode == 0


def test_locks_come_from_make_lock() -> None:
    for lock in GENERATED:
        assert "make lock" in "".join(lock.read_text().splitlines(keepends=True)[:3])
