"""What other machines get of this project: our packages and what is named, never what lies beside them."""

import importlib
import sys
from pathlib import Path

import pytest
from ray._private.runtime_env.packaging import _dir_travel

from datasets.process.checkout import PACKAGES, ROOT, Code, git_commit, shipped_by_job

JOB = "RAY_JOB_CONFIG_JSON_ENV_VAR"


def test_a_job_that_brought_the_project_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(JOB, '{"runtime_env": {"working_dir": "gcs://x.zip"}}')
    assert shipped_by_job()
    monkeypatch.setenv(JOB, '{"runtime_env": {}}')
    assert not shipped_by_job()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with scenes beside the packages and, since it is called so, in `datasets`."""
    for name in PACKAGES:
        (tmp_path / name / "part").mkdir(parents=True)
        (tmp_path / name / "__init__.py").write_text("")
        (tmp_path / name / "part" / "module.py").write_text("A = 1\n")
    (tmp_path / "sweeps" / "part" / "page.html.jinja").write_text("x")
    for folder in ("RAW_TRAIN", "data", "d", "datasets/RAW_TEST", "runs/lake.zarr/c", ".cache"):
        (tmp_path / folder).mkdir(parents=True)
        for name in ("scene.nc", "chunk", "a.json", "._scene.nc"):
            (tmp_path / folder / name).write_bytes(b"0" * 1000)
    (tmp_path / "datasets" / "RAW_TEST" / "a.json").unlink()
    (tmp_path / "datasets" / "RAW_TEST" / "chunk").unlink()
    for name in ("scene.nc", "mlflow.db", "model.pt", ".env"):
        (tmp_path / name).write_bytes(b"0" * 1000)
    monkeypatch.setattr("datasets.process.checkout.ROOT", tmp_path)
    return tmp_path


CODE = {f"{name}/{file}" for name in PACKAGES for file in ("__init__.py", "part/module.py")}
CODE |= {"sweeps/part/page.html.jinja"}


def test_only_code_is_shipped_and_its_size_is_told(project: Path, tmp_path: Path) -> None:
    code = Code.of()
    assert {str(place) for place in code.files} == CODE
    assert str(code) == "ingest, datasets, training, sweeps (9 files, 0.0 MB)"
    code.copy_to(tmp_path / "copy")
    copied = {str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    assert copied == CODE


def test_the_packages_are_shipped_whole() -> None:
    ours = {path for name in PACKAGES for path in (ROOT / name).rglob("*") if path.is_file()}
    assert set(Code.of().files.values()) == {path for path in ours if "__pycache__" not in path.parts}


def test_a_job_takes_along_the_same_and_python_files_beside_it(project: Path) -> None:
    """What `ray job submit --working-dir .` packs, by the ignore files of the project."""
    (project / ".rayignore").write_text((ROOT / ".rayignore").read_text())
    (project / ".gitignore").write_text((ROOT / ".gitignore").read_text())
    (project / "my_models.py").write_text("")
    packed: list[Path] = []
    _dir_travel(project, [], packed.append, include_gitignore=True)
    assert {str(path.relative_to(project)) for path in packed if path.is_file()} == {*CODE, "my_models.py"}


def test_own_networks_go_with_what_they_import(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / "shipped_blocks" / "deep").mkdir(parents=True)
    (home / "shipped_models.py").write_text(
        "import torch\nfrom shipped_blocks.deep import layer\nimport os.path, shipped_sizes\n"
    )
    (home / "shipped_blocks" / "deep" / "__init__.py").write_text(
        "from training.models import padding\nimport not_there\n"
    )
    (home / "shipped_sizes.py").write_text("import shipped_models\n")
    (home / "unrelated.py").write_text("")
    (home / "scene.nc").write_text("")
    monkeypatch.chdir(home)
    code = Code.of(["shipped_models", "training.models.own", "torch"])
    assert {str(place) for place in code.files} - CODE == {
        "shipped_models.py",
        "shipped_sizes.py",
        "shipped_blocks/deep/__init__.py",
    }
    assert code.search_path == [str(project), str(home)]
    monkeypatch.syspath_prepend(home)
    monkeypatch.chdir(tmp_path)
    assert Code.of(["shipped_models"]).files == code.files, "a folder on the path of Python does as well"


def test_a_module_that_cannot_be_read_is_left_to_its_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_broken.py").write_text("def half(:\n")
    monkeypatch.chdir(tmp_path)
    assert tmp_path / "my_broken.py" in Code.of(["my_broken", "my_absent"]).files.values()
    assert "my_broken" not in sys.modules, importlib


def test_the_commit_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICEBENCH_GIT_COMMIT", "abc")
    assert git_commit() == "abc"
    monkeypatch.delenv("ICEBENCH_GIT_COMMIT")
    monkeypatch.setenv("PATH", "")
    assert git_commit() == "unknown"
