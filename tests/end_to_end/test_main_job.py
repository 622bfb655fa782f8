"""From raw netCDF to MLflow rows by the commands that people type, on a Ray of its own."""

import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from datasets.lake import Lake
from sweeps.record.studies import list_studies
from sweeps.record.trial_lines import counts_of, trial_lines

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def study(folder: Path, lake: str, *words: str) -> subprocess.CompletedProcess[str]:
    """`python sweeps/downscale.py` as a person types it, with its records in `folder`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "ICEBENCH_"))}
    environment["RAY_ADDRESS"] = "local"  # a head that another test runs meanwhile is not ours
    places = ["--lake", lake, "--tracking-uri", f"sqlite:///{folder}/mlflow.db", "--storage", str(folder / "ray")]
    return subprocess.run(
        [sys.executable, "sweeps/downscale.py", "--smoke", "--task", "pixel", *places, *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=800,
    )


def runs(folder: Path, kind: str) -> list[Run]:
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name("downscale-smoke")
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], filter_string=f"tags.kind = '{kind}'"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def first(folder: Path, tiny_lake: Lake) -> subprocess.CompletedProcess[str]:
    done = study(folder, tiny_lake.url, "--only", "data.ratio=5,10", "--seeds", "2")
    assert done.returncode == 0, done.stderr
    return done


def test_one_child_a_trial_under_one_parent(
    first: subprocess.CompletedProcess[str], folder: Path, tiny_lake: Lake
) -> None:
    (parent,) = runs(folder, "study")
    children = runs(folder, "trial")
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["lake"] == tiny_lake.digest
    assert len(children) == 4
    for child in children:
        assert child.info.status == "FINISHED"
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert child.data.tags["recipe"] == tiny_lake.recipe_digest
        assert child.data.params["data.lake"] == tiny_lake.digest
        assert {"zoom/test.f1", "test_80m/f1_macro", "test_80m/f1", "val/f1", "train/loss"} <= set(child.data.metrics)
        assert {each.dataset.name.partition("/")[2] for each in child.inputs.dataset_inputs} == {"train", "val", "test"}
        assert child.data.tags["mlflow.source.name"] == "sweeps/downscale.py"
    assert {child.info.run_name for child in children} == {f"r{r} pixel s{seed}" for r in (5, 10) for seed in (0, 1)}
    assert {(c.data.params["data.ratio"], c.data.params["seed"]) for c in children} == {
        (ratio, seed) for ratio in ("5", "10") for seed in ("0", "1")
    }


def test_each_end_is_a_line_and_status_knows_every_trial(first: subprocess.CompletedProcess[str], folder: Path) -> None:
    line = r"^\[\d/4\] finished (.*): test_80m/f1 0\.\d{3}, \d+ (?:s|min); (.*)$"
    ends = re.findall(line, first.stderr, re.MULTILINE)
    assert len(ends) == 4, first.stderr
    assert re.fullmatch(r"[123] left, end about \d\d:\d\d .*", ends[1][1])
    assert ends[-1][1] == "none left"
    uri = f"sqlite:///{folder}/mlflow.db"
    (row,) = list_studies(uri)
    lines = trial_lines(row.design, row.ordered, row.tracker(uri).children_rows(), time.time(), runs=False)
    assert counts_of(lines) == "4 finished, 8 missing", "ratio 2 and the patch-based task are for another day"
    assert row.ordered is not None
    finished = [line for line in lines if line.state == "finished"]
    assert {line.name for line in finished} == set(row.ordered.names or ()) == {name for name, _ in ends}
    assert {line.node for line in finished} == {platform.node()}
    assert all(line.epochs == line.most_epochs == 8 and line.val_f1 is not None for line in finished)


def test_parent_holds_table_and_report(first: subprocess.CompletedProcess[str], folder: Path) -> None:
    (parent,) = runs(folder, "study")
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    names = {file.path for file in client.list_artifacts(parent.info.run_id)}
    assert {"table.csv", "table.md", "report"} <= names
    report = {file.path for file in client.list_artifacts(parent.info.run_id, "report")}
    assert {"report/report.html", "report/differences.csv", "report/table.tex", "report/figures"} <= report
    table = pd.read_csv(client.download_artifacts(parent.info.run_id, "table.csv", str(folder)))
    assert table["data.ratio"].tolist() == [2, 5, 10], "a cell that has not run is a row too"
    assert table["n"].tolist() == [0, 2, 2]
    scores: dict[str, list[float]] = {}
    for child in runs(folder, "trial"):
        scores.setdefault(child.data.params["data.ratio"], []).append(child.data.metrics["test_80m/f1"])
    assert table["test_80m/f1/mean"].tolist()[1:] == pytest.approx([sum(scores[r]) / 2 for r in ("5", "10")])
    assert "5 (200 m)" in first.stdout
    assert parent.data.metrics.keys() == {"test_80m/f1/r5 pixel", "test_80m/f1/r10 pixel"}
    assert parent.data.params["data.ratio"] == "2, 5, 10"
    assert re.search("best (by both scores )?is", parent.data.tags["mlflow.note.content"].lower())
    assert f"/runs/{parent.info.run_id}?workflowType=machine_learning" in "".join(first.stdout.split())


def test_finished_trials_are_not_run_again(
    first: subprocess.CompletedProcess[str], folder: Path, tiny_lake: Lake
) -> None:
    again = study(folder, tiny_lake.url, "--only", "data.ratio=5,10", "--seeds", "2")
    assert again.returncode == 0, again.stderr
    assert "4 trials, 4 finished before, 0 to run" in again.stderr
    assert len(runs(folder, "trial")) == 4
    assert len(runs(folder, "study")) == 1


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


def test_a_trial_that_no_node_can_hold_is_refused(tiny_lake: Lake, tmp_path: Path) -> None:
    done = study(tmp_path, tiny_lake.url, "--only", "data.ratio=5", "--seeds", "1", "--gpus-per-trial", "64")
    assert done.returncode == 2
    assert "a trial asks for 64 processes with 1 CPUs and 1 GPUs each and the cluster does not have that" in " ".join(
        done.stderr.split()
    )
