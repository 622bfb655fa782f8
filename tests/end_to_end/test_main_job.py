"""A study with a trial that fails, as people type it; `tests/docs/test_tour.py` has one without."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from datasets.lake import Lake
from tests.end_to_end.study_runs import runs
from tests.mlflow_server import fresh_database
from tests.quick_downscale import QUICK_STUDY

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def study(folder: Path, lake: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The study as a person types it, with its records in `folder`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "ICEBENCH_"))}
    environment["RAY_ADDRESS"] = "local"  # a head that another test runs meanwhile is not ours
    places = ["--lake", lake, "--tracking-uri", fresh_database(folder), "--storage", str(folder / "ray")]
    return subprocess.run(
        [sys.executable, QUICK_STUDY, "--smoke", "--task", "pixel", *places, *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=800,
    )


def test_a_failed_trial_is_named_and_the_rest_go_on(tiny_lake: Lake, tmp_path: Path) -> None:
    """One ratio of the lake is damaged on disk: its trial fails with exit code 1, the other one finishes."""
    lake = Path(shutil.copytree(tiny_lake.url, tmp_path / "lake"))
    for shard in lake.glob("scenes/*/r10/nersc_sar_primary/c/0/0"):
        shard.write_bytes(b"damaged" * 100)
    words = ("--only", "data.ratio=5,10", "--seeds", "1")
    done = study(tmp_path, str(lake), *words)
    assert done.returncode == 1, done.stderr
    assert "failed task=pixel data.ratio=10 seed=0" in done.stderr
    assert re.search(r"finished task=pixel data\.ratio=5 seed=0: test_80m/f1 0\.\d{3}, \d+ (?:s|min); ", done.stderr)
    tries = ["FAILED"] * 4
    assert sorted(run.info.status for run in runs(tmp_path, "trial")) == [*tries, "FINISHED"], "tried thrice again"
    assert runs(tmp_path, "study")[0].info.status == "FAILED"

    shutil.copytree(tiny_lake.url, lake, dirs_exist_ok=True)
    healed = study(tmp_path, str(lake), *words)
    assert healed.returncode == 0, healed.stderr
    assert "2 trials, 1 finished before, 1 to run" in healed.stderr
    assert sorted(run.info.status for run in runs(tmp_path, "trial")) == [*tries, "FINISHED", "FINISHED"]
    assert runs(tmp_path, "study")[0].info.status == "FINISHED"
