import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from datasets.lake import Lake
from datasets.loading.batches import BatchDataset, BatchLoader
from training.__main__ import app, read_spec
from training.spec import SpecError, TrialSpec
from training.spec.protocols import BASELINES

runner = CliRunner()


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
    done = runner.invoke(app, ["run", "--lake", "nowhere", "--set", "data.ratio=5", "--show"])
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


def loader_without_workers(asked: list[int], dataset: BatchDataset, *, workers: int) -> BatchLoader:
    """Says how many workers were wanted, and waits for none."""
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
        "best.pt", "figures", "maps", "result.json", "scores_per_scene.csv", "spec.yaml",
    }  # fmt: skip


def test_published_trials_and_networks_are_listed() -> None:
    specs = runner.invoke(app, ["specs"], env={"COLUMNS": "200"})
    assert specs.exit_code == 0
    assert "autoice_winner" in specs.output
    models = runner.invoke(app, ["models"], env={"COLUMNS": "200"})
    assert models.exit_code == 0
    assert "134,292,614" in models.output


def test_a_published_trial_is_shown_with_changes() -> None:
    done = runner.invoke(app, ["run", "--lake", "nowhere", "--spec", "icebench_unet", "--set", "seed=4", "--show"])
    assert TrialSpec.from_yaml(done.stdout) == BASELINES["icebench_unet"].with_("seed", 4)
