"""The images: linted, pinned with hashes, and with what Ray and this code look for in them."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.infra.cluster_files import IMAGE_LOCK, INFRA, MLFLOW_LOCK, ROOT, locked

DOCKERFILES = [INFRA / "image" / "Dockerfile", INFRA / "mlflow" / "Dockerfile"]
LOCKED_EXTRAS = ("ingest", "s3", "train", "sweep", "cloud")


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def python_version(dockerfile: Path) -> str:
    (version,) = re.findall(r"^ARG PYTHON_VERSION=(\S+)$", dockerfile.read_text(), flags=re.MULTILINE)
    return str(version)


def instructions(dockerfile: Path, name: str) -> list[str]:
    """What follows each instruction of this name, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", dockerfile.read_text())
    return re.findall(rf"^{name} (.*)$", text, flags=re.MULTILINE)


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_hadolint_finds_nothing(dockerfile: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "--no-color", dockerfile], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_python_is_one_that_the_project_takes_and_checks(dockerfile: Path) -> None:
    version = python_version(dockerfile)
    assert version in SpecifierSet(project()["project"]["requires-python"])
    assert version == project()["tool"]["mypy"]["python_version"]


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_packages_come_from_the_lock_alone_and_by_hash(dockerfile: Path) -> None:
    (install,) = [line for line in instructions(dockerfile, "RUN") if "pip install" in line]
    assert {"--no-deps", "--require-hashes"} <= set(install.split())
    assert install.split()[-1].endswith("requirements.lock")


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.parent.name)
def test_no_process_is_root(dockerfile: Path) -> None:
    assert instructions(dockerfile, "USER") == ["1000"]


def test_what_ray_looks_for_is_there() -> None:
    """HOME for the file mounts of `ray up`, rsync and ssh for its copies, wget for KubeRay, the folder for jobs."""
    dockerfile = DOCKERFILES[0]
    environment = dict(pair.split("=", 1) for line in instructions(dockerfile, "ENV") for pair in line.split())
    (workdir,) = instructions(dockerfile, "WORKDIR")
    assert environment["HOME"] == "/home/icebench"
    assert environment["PYTHONPATH"] == workdir == "/opt/icebench"
    packages = next(line for line in instructions(dockerfile, "RUN") if "apt-get install" in line).split()
    assert {"rsync", "openssh-client", "wget", "gcc"} <= set(packages)
    assert any("/home/icebench/.ray " in line for line in instructions(dockerfile, "RUN"))


def test_rooms_and_nothing_else_go_in() -> None:
    lines = (INFRA / "image" / "Dockerfile.dockerignore").read_text().splitlines()
    rules = [line for line in lines if not line.startswith("#")]
    assert rules[0] == "*"
    kept = {line.removeprefix("!") for line in rules if line.startswith("!")}
    packages = {pattern.removesuffix("*") for pattern in project()["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert kept == packages | {
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "infra/image/requirements.lock",
    }
    assert all((ROOT / name).exists() for name in kept)


def test_studies_are_executable_scripts() -> None:
    """`ray job submit sweeps/downscale.py` runs the file as a command."""
    listed = subprocess.check_output(["git", "ls-files", "--stage", "sweeps"], cwd=ROOT, text=True)
    modes = {line.split("\t")[1]: line.split()[0] for line in listed.splitlines()}
    studies = [name for name in modes if (ROOT / name).read_text().startswith("#!")]
    assert "sweeps/downscale.py" in studies
    for name in studies:
        assert modes[name] == "100755", name
        assert (ROOT / name).read_text().splitlines()[0] == "#!/usr/bin/env python"


@pytest.mark.parametrize("lock", [IMAGE_LOCK, MLFLOW_LOCK], ids=lambda path: path.parent.name)
def test_every_line_of_a_lock_is_a_version_with_hashes(lock: Path) -> None:
    text = "\n".join(line for line in lock.read_text().splitlines() if not line.startswith("#"))
    entries = [entry.split() for entry in text.replace("\\\n", " ").splitlines()]
    assert len(entries) == len(locked(lock)) > 50
    for package, *rest in entries:
        hashes = [word for word in rest if word.startswith("--hash")]
        assert re.fullmatch(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+", package), package
        assert hashes, package
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", word) for word in hashes), package


def test_the_lock_has_what_the_project_asks_for_and_within_its_bounds() -> None:
    versions = locked(IMAGE_LOCK)
    asked = list(project()["project"]["dependencies"])
    for extra in LOCKED_EXTRAS:
        asked += project()["project"]["optional-dependencies"][extra]
    for requirement in map(Requirement, asked):
        version = versions.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in the lock: run `make lock`"
        assert requirement.specifier.contains(version), f"{requirement}, locked {version}: run `make lock`"
    script = (INFRA / "lock.sh").read_text()
    assert re.findall(r"--extra (\w+)", script) == list(LOCKED_EXTRAS)


def test_the_server_has_the_versions_of_its_clients() -> None:
    image, server = locked(IMAGE_LOCK), locked(MLFLOW_LOCK)
    assert {name: server[name] for name in server.keys() & image.keys()} == {
        name: image[name] for name in server.keys() & image.keys()
    }
    assert {"mlflow", "boto3", "google-cloud-storage"} <= server.keys() & image.keys()
    assert {"psycopg2-binary", "flask-wtf"} <= server.keys()


def test_no_package_hides_ours() -> None:
    ours = {pattern.removesuffix("*") for pattern in project()["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert not ours & locked(IMAGE_LOCK).keys()
