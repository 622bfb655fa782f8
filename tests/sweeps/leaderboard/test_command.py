"""`python -m sweeps leaderboard` on a real MLflow store and a real lake."""

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from datasets.labels import SOD
from datasets.lake import Lake
from sweeps.__main__ import app
from sweeps.record.study import StudyTracker
from tests.mlflow_server import fresh_database
from training.evaluation.prediction_files import write_prediction
from training.spec import TrialSpec
from training.tracking.mlflow_tracker import MlflowTracker

SCORES = {"accuracy": 0.8, "f1": 0.7, "precision": 0.75, "recall": 0.8, "iou": 0.6}


def attempt(
    uri: str, lake: str, network: str, seed: int, plus: float, status: str = "FINISHED", study: str = "", **tags: str
) -> str:
    """What the tracker of a trial hears; returns the run's id."""
    parent = StudyTracker.open(uri, study=study, lake=lake).run_id if study else None
    tracker = MlflowTracker(uri, study or "single_trials", parent)
    params = {"model.params": {}, "model.name": network, "seed": seed}
    tracker.start(TrialSpec().with_all(params), {"lake": lake, **tags})
    scores = {f"test_80m/{name}": value + plus for name, value in SCORES.items()}
    tracker.log_metrics(scores | {"best/val_f1": 0.5 - plus})
    tracker.finish(status)  # type: ignore[arg-type]
    return tracker.run_id


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[str]]:
    """Two studies and a single trial on one lake, later ones on others; and the runs of unet, by seed."""
    uri = fresh_database(tmp_path_factory.mktemp("mlflow"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ICEBENCH_OUTBOX", str(tmp_path_factory.mktemp("outbox-of-leaderboard")))
        runs = [attempt(uri, "lake1", "unet", seed, 0.02 * seed, study="base_model") for seed in (0, 1, 2)]
        attempt(uri, "lake1", "deeplabv3", 0, 0.2, "FAILED", study="base_model")
        attempt(uri, "lake1", "my_models:Net", 0, -0.1, study="own_models")
        attempt(uri, "lake1", "vgg16", 0, -0.2)
        for seed in range(3):
            attempt(uri, "samples", "unet", seed, 0.1, study="base_model", synthetic="true")
        attempt(uri, "lake0", "alexnet", 0, 0.2, study="base_model")
        attempt(uri, "lake2", "alexnet", 0, 0.2, "FAILED", study="base_model")
    return uri, runs


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["leaderboard", *words], env={"COLUMNS": "250"})
    return done.exit_code, " ".join(done.output.split())


@pytest.mark.slow
def test_it_ranks_finished_trials_of_a_lake_single_ones_too(store: tuple[str, list[str]], tmp_path: Path) -> None:
    uri, runs = store
    code, said = run("--tracking-uri", uri, "--lake-digest", "lake1", "--out", str(tmp_path / "b"))
    assert code == 0, said
    assert {path.name for path in (tmp_path / "b").iterdir()} == {
        "leaderboard.md", "leaderboard.csv", "leaderboard.html",
    }  # fmt: skip
    table = pd.read_csv(tmp_path / "b" / "leaderboard.csv")
    ours = table[table["source"] == "ours"]
    assert ours[["rank", "model", "seeds"]].values.tolist() == [
        [1, "unet", 3],
        [pytest.approx(float("nan"), nan_ok=True), "my_models:Net", 1],
        [pytest.approx(float("nan"), nan_ok=True), "vgg16", 1],
    ]
    assert ours["f1"].tolist() == pytest.approx([72.0, 60.0, 50.0])
    assert ours["runs"].tolist()[0] == " ".join(runs)
    published = table[table["source"] == "published"]
    assert len(published) == 4
    assert published["rank"].isna().all()
    assert published["protocol"].notna().all()
    assert "leaderboard: " in said
    assert "U-Net (IceBench)" in said


def test_the_newest_lake_is_taken_and_the_others_are_named(store: tuple[str, list[str]], tmp_path: Path) -> None:
    code, said = run("--tracking-uri", store[0], "--out", str(tmp_path))
    assert code == 2
    assert (
        "trials ran on 4 lakes: this is lake2, the newest; --lake-digest chooses another (lake0, samples, lake1)"
        in said
    )
    assert "no finished trial on the lake lake2 was scored in SOD on the 80 m grid of all test scenes" in said


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [(["--link", "l"], "f1_score", 70.0), (["--form", "script", "--inference-time", "1 s"], "f1_score", 0.7)],
)
def test_a_submission_is_of_one_network(
    words: list[str], field: str, value: float, store: tuple[str, list[str]], tmp_path: Path
) -> None:
    uri, runs = store
    file = tmp_path / "unet.json"
    common = ["--tracking-uri", uri, "--lake-digest", "lake1", "--out", str(tmp_path / "b"), "--model-type", "UNet"]
    code, said = run(*common, "--submission", str(file), *words)
    assert code == 0, said
    content = json.loads(file.read_text())
    assert content["model_name"] == "unet", "the best"
    assert content[field] == value, "seed 0 has the better val F1, and the lower test F1"
    assert runs[0] in said
    code, said = run(*common, "--submission", str(file), *words)
    assert code == 2
    assert f"'{file}' exists: give another --submission, or remove it" in said
    assert run("--check", str(file))[0] == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--lake-digest", "lake9"], "unknown lake of the trials 'lake9': known are lake2, lake0, samples, lake1"),
        (["--submission", "s.json"], "a submission of the form 'readme' needs model_type: give it with --model-type"),
        (["--submission", "s.json", "--model", "vgg16"], "vgg16 has 1 of the 3 seeds that a rank needs: train more"),
        (["--submission", "s.json", "--lake-digest", "samples"], "the scenes of this lake are synthetic"),
        (["--submission", "s.json", "--model-type", "x"], "needs github_link: give it with --link"),
        (
            ["--submission", "s.json", "--model-type", "x", "--form", "script"],
            "a submission of the form 'script' needs inference_time: give it with --inference-time",
        ),
        (["--submission", "s.json", "--model", "unett"], "unknown network of the leaderboard 'unett': known are unet"),
        (["--submission", "s.json", "--form", "yaml"], "unknown form 'yaml': known are readme, script"),
        (["--predictions", "p"], "--predictions and --lake are for --check FILE: give the submission too"),
        (["--check", "gone.json"], "there is no submission 'gone.json': write one with --submission"),
        (["--check", "bad.json"], "bad.json is no JSON (Expecting value, line 1): write it with --submission"),
        (["--check", "binary.json"], "binary.json is no JSON (it is no text)"),
        (["--check", "bad.json", "--lake", "x"], "--predictions and --lake go together: give both"),
        (["--tracking-uri", "./mlruns"], "MLflow refuses plain folders"),
    ],
)
def test_what_cannot_work_is_one_sentence(
    words: list[str], sentence: str, store: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.json").write_text("scores")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    given = {"--tracking-uri": store[0], "--lake-digest": "lake1", "--out": str(tmp_path / "b")}
    code, said = run(*(word for name, value in given.items() if name not in words for word in (name, value)), *words)
    assert code == 2
    assert sentence in said
    assert "Traceback" not in said
    assert {path.name for path in tmp_path.iterdir()} == {"bad.json", "binary.json"}


def test_an_empty_store_has_no_leaderboard(tmp_path: Path) -> None:
    code, said = run("--tracking-uri", fresh_database(tmp_path))
    assert code == 2
    assert "there is no trial on this tracking server: run a study, or give its --tracking-uri" in said


def test_predictions_that_do_not_give_what_is_claimed_exit_with_1(tiny_lake: Lake, tmp_path: Path) -> None:
    for record in tiny_lake.catalog().split("test"):
        truth = tiny_lake.scene(record.scene_id).whole(2, ("SOD",))["SOD"]
        write_prediction(
            truth, SOD, tmp_path / "maps", scene_id=record.scene_id, ratio=2, kind="zarr", source="the chart itself"
        )
    texts = {"model_name": "m", "model_type": "t", "github_link": "l"}
    full = dict.fromkeys(("accuracy", "f1_score", "precision", "recall", "iou"), 100.0)
    (tmp_path / "s.json").write_text(json.dumps(texts | full))
    words = ["--check", str(tmp_path / "s.json"), "--predictions", str(tmp_path / "maps"), "--lake", tiny_lake.url]
    code, said = run(*words)
    assert code == 0, said
    assert "The predictions give what is claimed." in said
    (tmp_path / "s.json").write_text(json.dumps(texts | full | {"iou": 99.98, "precision": 99}))
    code, said = run(*words)
    assert code == 1
    assert "The predictions do not give what is claimed in precision, iou." in said
    code, said = run(*words, "--ratio", "5")
    assert code == 2
    assert "has 210 x 260 pixels and the scene has 84 x 104: give the map on the grid of the chart" in said
