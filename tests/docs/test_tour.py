"""The tour from nothing to a table on the command line, as it stands, and what its study leaves in MLflow."""

import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from datasets.lake import Lake
from sweeps.record.studies import list_studies
from sweeps.record.trial_lines import counts_of, trial_lines
from tests.docs.classified import kinds
from tests.docs.pages import ROOT, blocks, commands
from tests.end_to_end.study_runs import runs

PAGE = "docs/tour.md"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

Done = subprocess.CompletedProcess[str]
Tour = tuple[Path, dict[tuple[str, ...], Done]]


def typed(words: list[str], folder: Path) -> Done:
    """A command of the page, as a person types it in `folder`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "MLFLOW_"))}
    kept["RAY_ADDRESS"] = "local"  # a Ray that another test runs meanwhile is not ours
    environment = {**kept, "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}", "PYTHONPATH": str(ROOT)}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=800)


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> Tour:
    """The folder in which all was typed, and what each command said."""
    folder = tmp_path_factory.mktemp("tour")
    for name in ("docs", "sweeps", "infra"):
        (folder / name).symlink_to(ROOT / name)
    lines = [
        command.words
        for command in commands(PAGE)
        if [kind for kind, _ in kinds(command)] == ["runs"] and command.words[0] == "python"
    ]
    assert len(lines) > 10
    (code,) = blocks(PAGE, "python")
    said: dict[tuple[str, ...], Done] = {}
    for words in (*lines, ["python", "-c", code.text]):
        said[tuple(words)] = done = typed(list(words), folder)
        assert done.returncode == 0, f"{words}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return folder, said


@pytest.fixture(scope="module")
def folder(tour: Tour) -> Path:
    return tour[0] / "data" / "tour"


@pytest.fixture(scope="module")
def lake(folder: Path) -> Lake:
    return Lake.open(str(folder / "lake"))


@pytest.fixture(scope="module")
def line(tour: Tour) -> list[str]:
    """The command of the study."""
    (words,) = [words for words in tour[1] if "sweeps/downscale.py" in words and "--dry-run" not in words]
    return list(words)


@pytest.fixture(scope="module")
def first(tour: Tour, line: list[str]) -> Done:
    return tour[1][tuple(line)]


def test_the_tour_ends_with_its_table(tour: Tour, folder: Path) -> None:
    assert "old ice scatters -" in "".join(done.stdout for done in tour[1].values())
    for file in ("scene.png", "scene_chart_prediction.png", "trial/result.json", "report/report.html"):
        assert (folder / file).exists(), file
    assert r"\begin{tabular}" in (folder / "report" / "table.tex").read_text()
    cells = [line for line in (folder / "report" / "table.csv").read_text().splitlines() if ",2," in line]
    assert len(cells) > 1, "both ratios have finished with both seeds"


def test_one_child_a_trial_under_one_parent(first: Done, folder: Path, lake: Lake) -> None:
    (parent,) = runs(folder, "study")
    children = runs(folder, "trial")
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["lake"] == lake.digest
    assert len(children) == 4
    for child in children:
        assert child.info.status == "FINISHED"
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert child.data.tags["recipe"] == lake.recipe_digest
        assert child.data.params["data.lake"] == lake.digest
        assert {"zoom/test.f1", "test_80m/f1_macro", "test_80m/f1", "val/f1", "train/loss"} <= set(child.data.metrics)
        assert {each.dataset.name.partition("/")[2] for each in child.inputs.dataset_inputs} == {"train", "val", "test"}
        assert child.data.tags["mlflow.source.name"] == "sweeps/downscale.py"
    assert {child.info.run_name for child in children} == {f"r{r} pixel s{seed}" for r in (5, 10) for seed in (0, 1)}
    assert {(c.data.params["data.ratio"], c.data.params["seed"]) for c in children} == {
        (ratio, seed) for ratio in ("5", "10") for seed in ("0", "1")
    }


def test_each_end_is_a_line_and_status_knows_every_trial(first: Done, folder: Path) -> None:
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


def test_parent_holds_table_and_report(first: Done, folder: Path) -> None:
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


def test_finished_trials_are_not_run_again(first: Done, line: list[str], folder: Path) -> None:
    again = typed(line, folder.parents[1])
    assert again.returncode == 0, again.stderr
    assert "4 trials, 4 finished before, 0 to run" in again.stderr
    assert len(runs(folder, "trial")) == 4
    assert len(runs(folder, "study")) == 1
