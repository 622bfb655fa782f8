"""The kit of a GPU machine: its size, another Python, what it does not bring, and that it runs where no network is."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from typer.testing import CliRunner

from infra.gpu_kit import __main__ as kit
from infra.gpu_kit import install, wheels
from infra.gpu_kit.wheels import KitError, build_own, packed, requirements_of

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def wheel_of(folder: Path, *needs: str, payload: bytes = b"") -> Path:
    path = folder / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        lines = ["Metadata-Version: 2.1", "Name: thing", "Version: 1.0", *(f"Requires-Dist: {need}" for need in needs)]
        file.writestr("thing-1.0.dist-info/METADATA", "\n".join(lines) + "\n")
        file.writestr("thing/data.bin", payload)
    return path


def test_another_python_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.gpu_kit", "--python", "3.9", "--folder", str(tmp_path / "kit")],
        cwd=Path(kit.__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, "error there is no kit for Python 3.9: choose one of 3.11, 3.12\n")
    assert not (tmp_path / "kit").exists()


def test_a_folder_that_holds_something_else_is_refused_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels, "collect", lambda *given: None)
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake/catalog.parquet").touch()
    with pytest.raises(KitError, match="holds 'lake', which is not of a kit: give a new folder as --folder"):
        kit.make_kit(tmp_path, HERE)
    assert (tmp_path / "lake/catalog.parquet").exists()
    made = CliRunner().invoke(kit.app, ["--folder", str(tmp_path / "lake/catalog.parquet/kit")])
    assert made.exit_code == 2
    assert "cannot be used (Not a directory)" in " ".join(made.output.split())


def test_a_kit_takes_the_place_of_an_earlier_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "collect", lambda *given: None)
    monkeypatch.setattr(kit, "build_own", lambda folder: wheel_of(folder))
    for name in ("old-1.0-py3-none-any.whl", "install.py", "kit.json", "README.md"):
        (tmp_path / name).touch()
    kit.make_kit(tmp_path, HERE)
    assert {path.name for path in tmp_path.glob("*.whl")} == {"thing-1.0-py3-none-any.whl"}


def test_a_kit_that_is_too_large_names_what_is_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "large.whl").write_bytes(bytes(3_000_000))
    (tmp_path / "small.whl").write_bytes(bytes(1000))
    assert kit.check_size(tmp_path) == 3_001_000
    monkeypatch.setattr(wheels, "MOST_BYTES", 2_000_000)
    with pytest.raises(KitError, match=r"3\.0 MB and 2 are allowed \(the largest: large\.whl 3\.0, "):
        kit.check_size(tmp_path)


def test_what_the_machine_brings_is_not_asked_for(tmp_path: Path) -> None:
    needs = ("torch>=2", "Numpy", "PyYAML", "hf-xet", 'old; python_version<"3"', "zarr>=3", 'more; extra=="all"')
    found = requirements_of(wheel_of(tmp_path, *needs), "3.12")
    assert [each.name for each in found] == ["zarr"]
    with_extra = requirements_of(wheel_of(tmp_path, *needs), "3.12", ["all"])
    assert [each.name for each in with_extra] == ["zarr", "more"]


def test_markers_are_judged_for_the_machine_of_the_kit(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, 'backport; python_version<"3.12"', 'windows; sys_platform=="win32"')
    assert [each.name for each in requirements_of(path, "3.11")] == ["backport"]
    assert requirements_of(path, "3.12") == []


def test_two_packages_that_need_different_versions_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(folder: Path, python: str, wanted: list[Requirement]) -> list[Path]:
        return [wheel_of(tmp_path, "thing>2")]

    monkeypatch.setattr(wheels, "_download", download)
    with pytest.raises(KitError, match=r"thing>2 is needed and thing 1\.0 is in the kit"):
        wheels.collect(tmp_path, "3.12", [Requirement("thing")])


@pytest.mark.slow
def test_a_large_wheel_is_packed_smaller_and_holds_the_same(tmp_path: Path) -> None:
    path = wheel_of(tmp_path, payload=bytes(byte & 15 for byte in os.urandom(4_500_000)))
    (tmp_path / "kit").mkdir()
    size = path.stat().st_size
    there = packed(path, tmp_path / "kit")
    assert there.stat().st_size < size
    with zipfile.ZipFile(there) as file, zipfile.ZipFile(path) as original:
        assert {name: file.read(name) for name in file.namelist()} == {
            name: original.read(name) for name in original.namelist()
        }


def test_the_installer_says_what_a_machine_lacks() -> None:
    has = {"python": "3.12", "imports": ["json"]}
    assert install.trouble(has, "3.12", "x86_64") == ""
    assert "for Python 3.12 and this is 3.13" in install.trouble(has, "3.13", "x86_64")
    assert "this machine is aarch64" in install.trouble(has, "3.12", "aarch64")
    assert "lacks no_such_thing:" in install.trouble({**has, "imports": ["json", "no_such_thing"]}, "3.12", "x86_64")


def test_every_package_that_the_kit_names_is_one_of_ours() -> None:
    assert {each.name for each in kit.needed()} <= set(wheels.NEEDED)
    assert not {each.name for each in kit.needed()} & wheels.BROUGHT
    assert any(str(each.specifier) for each in kit.needed() if each.name == "zarr")


@pytest.mark.slow
def test_our_own_wheel_holds_the_gpu_tests_and_runs_without_a_network(tmp_path: Path) -> None:
    """Installed as a kit is, over the packages of this environment, with a Python that has no route to anywhere."""
    wheel = build_own(tmp_path)
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"tests/gpu/__main__.py", "tests/conftest.py", "training/trial.py", "ingest/sample/scene.py"} <= names
    kit.finish(tmp_path, HERE)
    (tmp_path / "kit.json").write_text(json.dumps({"python": HERE, "imports": ["torch"]}))
    subprocess.run([sys.executable, str(tmp_path / "install.py")], check=True, capture_output=True, timeout=120)
    outside = ["unshare", "-n"] if shutil.which("unshare") and os.geteuid() == 0 else []
    code = (
        "import json, pathlib, time; import tests.gpu.__main__ as main; print(main.__file__); end = time.time() + 200;"
        "print(json.dumps(main.run_tests(pathlib.Path.cwd(), end, end)))"
    )
    done = subprocess.run(
        [*outside, sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    where, told = done.stdout.splitlines()
    assert where.startswith(str(tmp_path / "site"))
    tests = json.loads(told)
    assert [each for each in tests if each["outcome"] == "failed"] == []
    assert {each["outcome"] for each in tests} == {"passed", "skipped"}
