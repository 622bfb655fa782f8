"""`python -m sweeps compare` as it is typed, with the networks of docs/models.md, on a real lake and MLflow."""

import json
import re
import shutil
from collections.abc import Sequence
from inspect import signature
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread
from typer.testing import CliRunner

from datasets.class_colours import class_colours
from datasets.labels import SOD
from datasets.lake import Lake
from ingest.recipe import Recipe
from sweeps.__main__ import app
from sweeps.compare import command
from sweeps.design.catalogue import study
from sweeps.record.studies import list_studies, read_files
from sweeps.record.study import StudyTracker
from tests.sweeps.compare.compared import settings
from training.evaluation.result import TrialResult

FILES = {
    "compare.html", "compare.md", "compare.csv", "differences.csv", "classes.csv", "cost.csv", "trials.csv", "figures",
}  # fmt: skip


def compare(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["compare", *words], env={"COLUMNS": "250"})
    return done.exit_code, " ".join(done.output.split())


def run_ids(uri: str, study: str) -> list[str]:
    (row,) = (row for row in list_studies(uri) if row.study == study)
    return [child.run_id for child in row.tracker(uri).children_rows()]


@pytest.fixture(scope="module")
def trained(
    own_models: Path, baselines: str, tiny_lake: Lake, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """Folder with a comparison of the pixel-based network, and what the command said."""
    folder = tmp_path_factory.mktemp("compared")
    words = ["--model", "my_models:TinyNet", "--task", "pixel", "--params", '{"width": 4}', "--seeds", "2"]
    places = ["--out", str(folder / "out"), "--runs", str(folder / "runs"), "--workers", "0"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ICEBENCH_OUTBOX", str(folder / "outbox"))
        code, said = compare(*words, *places, "--lake", tiny_lake.url, "--tracking-uri", baselines, *settings("pixel"))
    assert code == 0, said
    return folder, said


@pytest.mark.slow
def test_it_is_trained_with_every_seed_and_put_next_to_the_best_baseline(
    trained: tuple[Path, str], baselines: str
) -> None:
    folder, said = trained
    assert {path.name for path in (folder / "out").iterdir()} == FILES
    scores = pd.read_csv(folder / "out" / "compare.csv")
    assert scores["model"].tolist() == ["my_models:TinyNet", "unet"]
    assert scores["n"].tolist() == [2, 2]
    both = pd.read_csv(folder / "out" / "differences.csv")
    assert both[["cell", "against", "score"]].values.tolist() == [
        ["my_models:TinyNet", "unet", score] for score in ("test_80m/f1", "test_80m/f1_ice")
    ]
    differences = both.query("score == 'test_80m/f1'")
    means = scores.set_index("model")["test_80m/f1/mean"]
    assert differences["difference"].item() == pytest.approx(means["my_models:TinyNet"] - means["unet"])
    assert differences["scenes"].item() == 3
    assert differences["seeds"].item() == 2
    assert both[["scenes_low", "scenes_high"]].isna().all(axis=None), "fewer than six passes have no interval"
    for sentence in (
        "my_models:TinyNet:",
        "The baselines are the networks of base_model with the best val F1 on this lake, one per task.",
        "cannot tell any difference apart, whatever the scores",
        "unet had other settings: data.channels",
        f"comparison: {folder / 'out' / 'compare.html'}",
    ):
        assert sentence in said


def test_the_page_needs_nothing_else_and_shows_what_was_asked(trained: tuple[Path, str]) -> None:
    folder, _ = trained
    html = (folder / "out" / "compare.html").read_text()
    assert not re.findall(r'(?:src|href)="(?!data:image/png;base64,|#)', html)
    for part in ("Is it noise?", "Confusion matrices", "By class", "Cost", "parameters [million]", "Runs"):
        assert part in html
    assert {path.stem for path in (folder / "out" / "figures").iterdir()} == {
        "networks", "confusion", "classes", "maps",
    }, "three test scenes decide nothing, so there is no picture of differences"  # fmt: skip
    markdown = (folder / "out" / "compare.md").read_text()
    assert markdown.startswith("# my_models:TinyNet next to baselines\n")
    assert "| my_models:TinyNet | unet |" in markdown


def test_runs_and_page_are_in_mlflow(trained: tuple[Path, str], baselines: str, tiny_lake: Lake) -> None:
    from mlflow import MlflowClient

    folder, _ = trained
    (study,) = (row for row in list_studies(baselines) if row.study == "own_models")
    children = study.tracker(baselines).children_rows()
    assert [(child.status, child.params["model.name"], child.tags["seed"]) for child in children] == [
        ("FINISHED", "my_models:TinyNet", "0"),
        ("FINISHED", "my_models:TinyNet", "1"),
    ]
    assert set(pd.read_csv(folder / "out" / "trials.csv")["run_id"]) == {
        *(child.run_id for child in children),
        *run_ids(baselines, "base_model"),
    }
    (kept,) = MlflowClient(baselines).list_artifacts(study.run_id, "comparisons")
    assert {
        file.path.rpartition("/")[2] for file in MlflowClient(baselines).list_artifacts(study.run_id, kept.path)
    } == (FILES)


@pytest.mark.slow
def test_a_checkpoint_alone_is_scored_as_its_training_was(
    trained: tuple[Path, str], baselines: str, tiny_lake: Lake, tmp_path: Path
) -> None:
    folder, _ = trained
    (first, *_) = sorted((folder / "runs").iterdir())
    shutil.copy(first / "best.pt", tmp_path / "moved.pt")
    found = TrialResult.model_validate_json((first / "result.json").read_text())
    words = ["--mode", "evaluate", "--checkpoint", str(tmp_path / "moved.pt"), "--out", str(tmp_path / "out")]
    run = run_ids(baselines, "base_model")[0]
    code, said = compare(*words, "--lake", tiny_lake.url, "--tracking-uri", baselines, "--against", run)
    assert code == 0, said
    scores = pd.read_csv(tmp_path / "out" / "compare.csv").set_index("model")
    assert scores.loc["my_models:TinyNet", "test_80m/f1/mean"] == found.metrics["test_80m/f1"]
    assert scores.loc["unet", "n"] == 1
    costs = pd.read_csv(tmp_path / "out" / "cost.csv").set_index("model")
    assert costs.loc["my_models:TinyNet", "cost/parameters"] == found.metrics["cost/parameters"]
    assert pd.isna(costs.loc["my_models:TinyNet", "cost/seconds"]), "what its training cost is not known"
    (row,) = (row for row in list_studies(baselines) if row.study == "own_models")
    (evaluated,) = (child for child in row.tracker(baselines).children_rows() if child.tags["kind"] == "evaluation")
    kept = read_files(baselines, [(evaluated.run_id, "result.json")])[evaluated.run_id, "result.json"].text
    assert kept is not None
    assert TrialResult.model_validate_json(kept).matrices == found.matrices
    assert class_colours(SOD, "safe")[0] in colours_of(tmp_path / "out" / "maps")

    words = ["--mode", "evaluate", "--checkpoint", str(first), "--out", str(tmp_path / "out"), "--overwrite"]
    words += ["--colours", "wmo"]
    code, said = compare(*words, "--lake", tiny_lake.url)
    assert code == 0, said
    assert "No MLflow was given (--tracking-uri), so there is no baseline." in said
    assert "There is no baseline to compare it with." in said
    costs = pd.read_csv(tmp_path / "out" / "cost.csv").set_index("model")
    assert costs.loc["my_models:TinyNet", "cost/seconds"] == found.metrics["cost/seconds"]
    drawn = colours_of(tmp_path / "out" / "maps")
    assert class_colours(SOD, "wmo")[0] in drawn
    assert class_colours(SOD, "safe")[0] not in drawn


def colours_of(maps: Path) -> set[str]:
    """All colours of the pictures of SOD in a folder."""
    pictures = [np.round(imread(path)[..., :3] * 255).astype(int) for path in sorted(maps.glob("*_SOD.png"))]
    assert pictures
    return {f"#{value:06x}" for each in pictures for value in np.unique(each @ (65536, 256, 1))}


@pytest.mark.slow
def test_a_patch_based_network_meets_pixel_based_ones_on_the_80_m_grid(
    own_models: Path, baselines: str, tiny_lake: Lake, tmp_path: Path
) -> None:
    words = ["--model", "my_models:TinyPatchNet", "--task", "patch", "--seeds", "1", "--against", "base_model"]
    places = ["--out", str(tmp_path / "out"), "--runs", str(tmp_path / "runs"), "--workers", "0"]
    code, said = compare(*words, *places, "--lake", tiny_lake.url, "--tracking-uri", baselines, *settings("patch"))
    assert code == 0, said
    scores = pd.read_csv(tmp_path / "out" / "compare.csv")
    assert scores["model"].tolist() == ["my_models:TinyPatchNet (patch-based)", "unet (pixel-based)"]
    differences = pd.read_csv(tmp_path / "out" / "differences.csv")
    assert differences["seeds"].tolist() == [1, 1], "seed 0 is the one that both have"
    assert "One seed has no spread, and its differences may be luck: my_models:TinyPatchNet (patch-based)." in said


@pytest.fixture(scope="module")
def troubled(baselines: str, tiny_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Runs that cannot be compared with, by what is wrong with them."""
    from training.spec import TrialSpec
    from training.tracking.mlflow_tracker import MlflowTracker

    other = StudyTracker.open(baselines, study="elsewhere", lake="other-lake")
    empty = StudyTracker.open(baselines, study="empty", lake=tiny_lake.digest)
    found = {"parent": other.run_id}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ICEBENCH_OUTBOX", str(tmp_path_factory.mktemp("outbox-of-troubles")))
        for name, lake, status in (
            ("bare", tiny_lake.digest, "FINISHED"),
            ("failed", tiny_lake.digest, "FAILED"),
            ("strange", "other-lake", "FINISHED"),
        ):
            tracker = MlflowTracker(baselines, "singles")
            tracker.start(TrialSpec(), {"lake": lake})
            tracker.finish(status)  # type: ignore[arg-type]
            found[name] = tracker.run_id
    empty.finish("FINISHED")
    return found


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--against", "BARE"], "the result of run BARE cannot be read (there is no result.json): without its"),
        (["--against", "FAILED"], "run FAILED is FAILED and has no result: give a finished one"),
        (["--against", "STRANGE"], "run STRANGE is of the lake other-lake and not of LAKE: scores of other scenes"),
        (["--against", "PARENT"], "run PARENT is no trial: give the run of one, or a study by its name"),
        (["--against", "elsewhere"], "study 'elsewhere' ran on the lake other-lake and not on LAKE"),
        (["--against", "empty"], "study 'empty' has no finished trial on this lake: wait for it, or leave it out"),
        (["--against", "base_modle"], "--against 'base_modle' is neither a run nor a study of MLflow at"),
        (["--tracking-uri", "", "--against", "x"], "--against 'x' is looked up in MLflow: give its --tracking-uri"),
        (["--set", "data.targets=[SIC]", "--against", "base_model"], "predicts SOD first and this model SIC"),
        (
            ["--set", "evaluation.fixed_ratio=5", "--set", "data.ratio=5", "--against", "base_model"],
            "the models have the ratios 5, 10 and no grid on which all are scored: give",
        ),
        (["--model", "my_models:Huge"], "'my_models' has no class 'Huge'; its own classes are TinyNet, TinyPatchNet"),
        (
            ["--model", "no_such_module:Net"],
            "'no_such_module' cannot be imported (ModuleNotFoundError: No module named 'no_such_module')",
        ),
        (["--params", '{"depth": 3}'], "and is called with in_channels, n_outputs, depth"),
        (["--params", "width=3"], "--params 'width=3' is no JSON (Expecting value): write for example"),
        (["--params", "[3]"], "--params '[3]' is no JSON object"),
        (["--task", "pixels"], "unknown --task 'pixels': known are pixel, patch; did you mean 'pixel'?"),
        (["--model", ""], "no --model was given: name your class as package.module:Class"),
        (["--mode", "evaluat"], "unknown mode 'evaluat': known are train, evaluate; did you mean 'evaluate'?"),
        (["--mode", "evaluate"], "--mode evaluate needs a --checkpoint: give best.pt of a trial, or its folder"),
        (["--colours", "jet"], "unknown set of colours 'jet': known are safe, wmo"),
        (["--checkpoint", "best.pt"], "--checkpoint is for --mode evaluate: leave it out to train, or give the mode"),
        (["--mode", "evaluate", "--checkpoint", "x.pt"], "--task is for --mode train"),
        (
            ["--out", "TAKEN"],
            "compare.html' exists: give another --out, or --overwrite to replace the comparison",
        ),
        (["--set", "data.ratio=3"], "data.ratio = 3 is not allowed: the lake"),
        (["--set", "data.lake=abc"], "data.lake = 'abc' is not allowed: the lake"),
        (["--lake", "/nowhere"], "'/nowhere' is not a lake"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_nothing_is_trained(
    words: Sequence[str],
    sentence: str,
    own_models: Path,
    baselines: str,
    troubled: dict[str, str],
    trained: tuple[Path, str],
    tiny_lake: Lake,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    known = {name.upper(): run_id for name, run_id in troubled.items()}
    known |= {"LAKE": tiny_lake.digest, "TAKEN": str(trained[0] / "out")}
    given = {"--model": "my_models:TinyNet", "--task": "pixel", "--lake": tiny_lake.url, "--tracking-uri": baselines}
    changes = list(words)
    own = settings("pixel") if "--mode" not in words else []
    first = [word for name, value in given.items() if name not in words for word in (name, value)]
    code, said = compare(*first, *own, *(known.get(word, word) for word in changes))
    assert code == 2, said
    for name, value in known.items():
        sentence = re.sub(rf"\b{name}\b(?! and has)", value, sentence) if name in ("LAKE", *words) else sentence
    assert sentence in said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_another_model_or_lake_is_refused(
    trained: tuple[Path, str], tiny_lake: Lake, raw_test: list[Path], tmp_path: Path
) -> None:
    (first, *_) = sorted((trained[0] / "runs").iterdir())
    words = ["--mode", "evaluate", "--checkpoint", str(first), "--out", str(tmp_path / "out")]
    code, said = compare(*words, "--model", "my_models:TinyPatchNet", "--lake", tiny_lake.url)
    assert code == 2
    assert "the checkpoint is of my_models:TinyNet and --model is my_models:TinyPatchNet: leave --model out" in said
    other = Lake.create(str(tmp_path / "lake"), Recipe(ratios=tiny_lake.ratios).to_lake())
    other.publish(tiny_lake.catalog().split("test"), {})
    code, said = compare(*words, "--lake", other.url)
    assert code == 2
    trained_on = f"the checkpoint of trial {first.name} was trained on the lake {tiny_lake.digest}"
    assert f"{trained_on}, and the lake '{other.url}' has digest {other.digest}: give its own lake for scores" in said
    assert "data.lake" not in said
    assert not (tmp_path / "out").exists()
    assert json.loads((first / "result.json").read_text())["trial_id"] == first.name


def test_a_training_that_goes_astray_leaves_no_comparison_and_a_parent_that_has_failed(
    own_models: Path, baselines: str, tiny_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("my_models.TinyNet.forward", lambda self, x: self.layers(x) * float("nan"))
    places = ["--out", str(tmp_path / "out"), "--runs", str(tmp_path / "runs"), "--workers", "0", "--seeds", "1"]
    words = ["--model", "my_models:TinyNet", "--task", "pixel", "--params", '{"width": 3}']
    code, said = compare(*words, *places, "--lake", tiny_lake.url, "--tracking-uri", baselines, *settings("pixel"))
    assert code == 2
    assert "the train loss in epoch" in said
    assert not (tmp_path / "out").exists()
    (row,) = (row for row in list_studies(baselines) if row.study == "own_models")
    assert row.status == "FAILED"


def test_it_trains_as_often_as_studies_do() -> None:
    assert signature(command.compare).parameters["seeds"].default == len(study("base_model").seeds)
