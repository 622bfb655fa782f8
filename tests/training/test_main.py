import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from datasets.lake import Lake
from datasets.loading.batches import BatchDataset, BatchLoader
from tests.mlflow_server import fresh_database
from training import __main__ as command
from training.__main__ import app, read_spec
from training.spec import SpecError, TrialSpec
from training.spec.protocols import BASELINES
from training.tracking.mlflow_tracker import MlflowTracker

runner = CliRunner()


@pytest.mark.slow
def test_help_is_quick_and_explains() -> None:
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "training", "run", "--help"], capture_output=True, text=True, check=True
    )
    assert time.monotonic() - started < 20
    for word in ("--lake", "--spec", "--set", "--tracking-uri", "--folder", "Example"):
        assert word in done.stdout


def test_set_changes_fields_by_name() -> None:
    spec = read_spec(
        None, ["data.ratio=5", "optimizer.lr=1e-3", "model.params.filters=[8, 16]", "evaluation.fixed_ratio=null"]
    )
    assert spec.data.ratio == 5
    assert spec.optimizer.lr == 1e-3
    assert spec.model.params == {"filters": [8, 16]}
    assert spec.evaluation.fixed_ratio is None


def test_set_wins_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("data: {ratio: 5}\nseed: 3\n")
    assert read_spec(str(path), ["data.ratio=10"]) == TrialSpec(seed=3).with_("data.ratio", 10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("data.ratio", "not NAME=VALUE"),
        ("data.ratio=[", "no YAML"),
        ("data.ratoi=5", "did you mean"),
        ("seed=x", "seed"),
    ],
)
def test_a_bad_change_is_refused(change: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        read_spec(None, [change])


def test_show_prints_a_spec_that_reads_back() -> None:
    done = runner.invoke(app, ["run", "--set", "data.ratio=5", "--show"])
    assert done.exit_code == 0
    assert TrialSpec.from_yaml(done.stdout).data.ratio == 5


@pytest.mark.parametrize(
    "arguments",
    [
        ["--lake", "/nowhere"],
        ["--lake", "LAKE", "--set", "data.ratio=3"],
        ["--lake", "LAKE", "--spec", "/nowhere.yaml"],
        ["--lake", "LAKE", "--spec", "icebench_unte"],
        ["--lake", "LAKE", "--tracking-uri", "./mlruns"],
        ["--lake", "LAKE", "--sett", "x"],
        [],
    ],
)
def test_user_errors_are_one_sentence_and_exit_code_2(
    tiny_lake: Lake, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [tiny_lake.url if word == "LAKE" else word for word in arguments]
    done = runner.invoke(app, ["run", *given])
    assert done.exit_code == 2
    assert "Traceback" not in done.output
    assert list(tmp_path.iterdir()) == []


def tree(folder: Path) -> set[tuple[Path, int]]:
    return {(path, path.stat().st_mtime_ns) for path in folder.rglob("*")}


def loader_without_workers(asked: list[int], dataset: BatchDataset, *, workers: int, pinned: bool) -> BatchLoader:
    """Says how many workers were wanted, and waits for none."""
    assert not pinned, "a trial on CPUs"
    asked.append(workers)
    return BatchLoader(dataset)


@pytest.mark.slow
def test_a_trial_from_the_command_line(
    tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(small_spec.to_yaml())
    monkeypatch.setattr("training.__main__.usable_cores", lambda: 2)
    workers: list[int] = []
    monkeypatch.setattr("training.data.training_batches.BatchLoader", partial(loader_without_workers, workers))
    done = runner.invoke(app, ["run", "--lake", tiny_lake.url, "--spec", "spec.yaml", "--set", "loop.max_epochs=1"])
    assert done.exit_code == 0, done.output
    assert workers == [1], "one less than the CPUs"
    assert "f1_macro" in done.output
    assert "test_80m" in done.output
    trial_id = small_spec.with_("loop.max_epochs", 1).with_("data.lake", tiny_lake.digest).trial_id
    assert {path.name for path in (tmp_path / "runs" / trial_id).iterdir()} == {
        "best.pt", "calibration.json", "figures", "maps", "result.json", "scores_per_scene.csv", "spec.yaml",
    }  # fmt: skip
    scenes = ", ".join(f"{len(tiny_lake.catalog().split(split))} {split}" for split in ("train", "val", "test"))
    assert f"trial {trial_id} on " in done.output
    assert f"scenes: {scenes}; patches per epoch: 12; parameters of the network: " in done.output
    assert "scored 3 test scenes" in done.output

    before = tree(tmp_path)
    first = ["run", "--lake", tiny_lake.url, "--folder", f"runs/{trial_id}"]
    again = runner.invoke(app, [*first, "--spec", "spec.yaml", "--set", "loop.max_epochs=1"])
    assert again.exit_code == 0, again.output
    assert f"trial {trial_id} has finished already" in again.output
    assert "f1_macro" in again.output
    other = runner.invoke(app, [*first, "--spec", "spec.yaml", "--set", "loop.max_epochs=1", "--set", "seed=3"])
    assert other.exit_code == 2, other.output
    assert f"holds trial {trial_id} and not trial" in other.output
    assert tree(tmp_path) == before
    assert workers == [1, 1], "the second run found that there was nothing to do"


def test_a_trial_says_where_its_run_is_to_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICEBENCH_OUTBOX", str(tmp_path / "outbox"))
    monkeypatch.setattr(command, "_PATIENCE_S", 60.0)
    tracker = MlflowTracker(fresh_database(tmp_path), "single_trials")
    tracker.start(TrialSpec(), {})
    said = command._how_to_open(tracker)
    tracker.finish("FINISHED")
    assert "workflowType=machine_learning once this runs: mlflow ui --workers 1 --backend-store-uri " in said
    assert f"/runs/{tracker.run_id}?workflowType=machine_learning once" in said
    monkeypatch.setattr(command, "_PATIENCE_S", 0.0)
    unheard = MlflowTracker("http://user:secret@127.0.0.1:1", "single_trials")
    assert command._how_to_open(unheard) == (
        "in the experiment 'single_trials' of http://127.0.0.1:1, as soon as the server answers"
    )


def test_published_trials_are_listed() -> None:
    specs = runner.invoke(app, ["specs"], env={"COLUMNS": "200"})
    assert specs.exit_code == 0
    assert "autoice_winner" in specs.output


def test_a_published_trial_is_shown_with_changes() -> None:
    done = runner.invoke(app, ["run", "--spec", "icebench_unet", "--set", "seed=4", "--show"])
    assert TrialSpec.from_yaml(done.stdout) == BASELINES["icebench_unet"].with_("seed", 4)
