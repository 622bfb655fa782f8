"""Rules of the house that no linter holds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def python(code: str, *, path: list[Path], cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(each) for each in path)}
    return subprocess.run([sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("room", ["ingest", "training"])
def test_a_foreign_datasets_package_is_named_at_once(room: str, tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "__init__.py").write_text("def load_dataset(): ...")
    done = python(f"import {room}", path=[tmp_path, ROOT], cwd=tmp_path)
    assert done.returncode == 1
    assert "is not the one of this project (Hugging Face has one of that name)" in done.stderr.replace("\n", "")


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("sweeps.design.experiment", {"ray", "torch", "mlflow", "zarr"}),
        ("sweeps.launch.command", {"ray", "torch", "mlflow", "zarr", "matplotlib", "optuna"}),
        ("sweeps.report.command", {"ray", "torch", "mlflow", "matplotlib"}),
        ("sweeps.leaderboard.command", {"ray", "torch", "mlflow", "matplotlib"}),
        ("sweeps.report.write", {"ray", "torch", "mlflow", "matplotlib"}),
        ("sweeps.leaderboard.board", {"ray", "torch", "mlflow", "matplotlib"}),
        ("training.__main__", {"torch", "captum", "mlflow", "matplotlib"}),
        ("ingest.__main__", {"dask.distributed", "netCDF4", "torch", "ray"}),
        ("ingest.build, ingest.workers", {"ray", "torch"}),
        ("datasets.__main__", {"pandas", "zarr", "matplotlib", "torch", "ray"}),
        ("datasets.lake", {"torch", "dask.distributed", "ray"}),
    ],
)
def test_command_lines_answer_without_loading_what_they_do_not_need(module: str, heavy: set[str]) -> None:
    code = f"import sys, {module}; print(sorted({heavy!r} & set(sys.modules)))"
    done = python(code, path=[ROOT], cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


@pytest.mark.parametrize("word", ["--dry-run", "--help"])
def test_a_campaign_is_planned_without_what_runs_it(word: str) -> None:
    code = (
        "import sys, runpy\n"
        f"sys.argv = ['sweeps/all.py', {word!r}]\n"
        "try: runpy.run_path('sweeps/all.py', run_name='__main__')\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print('loaded', sorted({'torch', 'ray', 'mlflow', 'zarr', 'matplotlib', 'pandas'} & set(sys.modules)))"
    )
    done = python(code, path=[ROOT], cwd=ROOT)
    assert done.stdout.splitlines()[-1:] == ["loaded []"], done.stdout + done.stderr
