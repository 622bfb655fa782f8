"""Packages that are missing, old, or somebody else's."""

import re
from pathlib import Path

import pytest

from datasets.process.checkout import ROOT
from sweeps.doctor import software

EXTRAS = ("train", "sweep")


def test_everything_is_there() -> None:
    first, *more = software.versions(ROOT, EXTRAS)
    assert re.match(r"Python 3\S+, torch 2", first.message)
    assert more == []


def test_a_copy_of_the_packages_alone_says_its_versions(tmp_path: Path) -> None:
    assert [each.level for each in software.versions(tmp_path, EXTRAS)] == ["ok"]


@pytest.mark.parametrize(
    ("there", "said"), [(None, "ray is not installed"), ("1.0", "ray is 1.0 and should be >=2.51")]
)
def test_a_package_that_is_missing_or_old(there: str | None, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = software.installed
    monkeypatch.setattr(software, "installed", lambda name: there if name == "ray" else real(name))
    (found,) = [each for each in software.versions(ROOT, EXTRAS) if each.level == "error"]
    assert (found.message, found.remedy) == (said, "pip install -e '.[train,sweep]'")


def test_an_old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.python_version", lambda: "3.9.1")
    assert any("Python is not >=3.11" in each.message for each in software.versions(ROOT, EXTRAS))


def test_our_packages_are_ours(tmp_path: Path) -> None:
    (found,) = software.our_packages(ROOT)
    assert found.level == "ok"
    foreign = list(software.our_packages(tmp_path))
    assert [each.level for each in foreign] == ["error"] * 4


def test_a_python_that_ray_start_cannot_use_is_told() -> None:
    assert list(software.python_path("/home/ä_b-1.0/.venv/bin/python")) == []
    for path in ("/sea ice/.venv/bin/python", "/a(1)/python", "/o'neil/python"):
        (found,) = software.python_path(path)
        assert (found.level, path in found.message) == ("warning", True)


def test_weights_in_a_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    assert software.weights().level == "warning"
    (tmp_path / "hub" / "models--timm--resnet18").mkdir(parents=True)
    assert software.weights().level == "ok"
