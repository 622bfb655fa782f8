"""Reports from a real MLflow store, which trackers have filled: the files, the parent run, the command."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from sweeps.__main__ import app
from sweeps.record.design import StudyDesign
from sweeps.record.study import StudyTracker
from sweeps.report.write import log_report, read_evidence, write_report
from tests.invented_studies import result, scenes
from tests.mlflow_server import fresh_database
from training.spec import TrialSpec
from training.tracking.mlflow_tracker import MlflowTracker

FILES = {"report.html", "table.csv", "table.md", "table.tex", "differences.csv", "bins.csv", "trials.csv", "figures"}
QUALITY = {2: 0.8, 10: 0.5}
SPEC = TrialSpec()


def open_study(uri: str, name: str = "downscale", lake: str = "lake1", *, with_design: bool = True) -> StudyTracker:
    design = StudyDesign(
        question="Does it?",
        objective="test_80m/f1",
        axes={"data.ratio": ("2", "10")},
        seeds=(0, 1),
        trials=4,
        bins=("winter", "cat4"),
    )
    return StudyTracker.open(
        uri, study=name, lake=lake, recipe="r", question="Does it?", design=design if with_design else None
    )


def attempt(study: StudyTracker, folder: Path, ratio: int, seed: int, status: str = "FINISHED") -> None:
    """What the tracker of a trial hears."""
    spec = SPEC.with_all({"data.ratio": ratio, "seed": seed})
    tracker = MlflowTracker(study.tracking_uri, study.study, study.run_id)
    tracker.start(spec, {"axis.data.ratio": str(ratio)})
    if status == "FINISHED":
        found = result(scenes(6), QUALITY[ratio] + 0.01 * seed, seed, trial_id=spec.trial_id)
        tracker.log_metrics(found.metrics)
        (folder / "result.json").write_text(found.model_dump_json())
        tracker.log_file(folder / "result.json")
    else:
        tracker.log_text("Traceback ...\nNonFiniteLossError: the loss is nan in epoch 3\n", "error.txt")
    tracker.finish(status)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with a study of three finished trials and a failed one, on the first of two lakes."""
    folder = tmp_path_factory.mktemp("mlflow")
    uri = fresh_database(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ICEBENCH_OUTBOX", str(tmp_path_factory.mktemp("outbox-of-reports")))
        first = open_study(uri)
        attempt(first, folder, 2, 0, "FAILED")
        for ratio, seed in ((2, 0), (2, 1), (10, 0)):
            attempt(first, folder, ratio, seed)
        attempt(first, folder, 10, 1, "FAILED")
        attempt(open_study(uri, lake="lake2", with_design=False), folder, 2, 0)
        attempt(open_study(uri, "patch_size"), folder, 2, 1)
    return uri


def run(words: Sequence[str], uri: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["report", *words], env={"COLUMNS": "200", "MLFLOW_TRACKING_URI": uri})
    return done.exit_code, " ".join(done.output.split())


def test_a_study_is_read_as_its_trials_left_it(uri: str) -> None:
    evidence = read_evidence(open_study(uri))
    assert [(trial.key, trial.seed) for trial in evidence.finished] == [(("2",), 0), (("2",), 1), (("10",), 0)]
    assert all(trial.result is not None for trial in evidence.finished)
    (failed,) = evidence.open
    assert (failed.key, failed.seed, failed.row.status) == (("10",), 1, "FAILED")
    assert failed.error == "NonFiniteLossError: the loss is nan in epoch 3"
    assert evidence.lost_attempts == 2
    assert evidence.unread == {}


def test_the_report_is_files_in_a_folder_and_artifacts_of_the_parent_run(uri: str, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    study = open_study(uri)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "of_an_earlier_report.png").write_bytes(b"")
    report = write_report(study, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == FILES
    figures = {path.name for path in (tmp_path / "figures").iterdir()}
    assert figures == {
        f"{name}.png" for name in ("scores", "differences_from_reference", "bins", "classes", "confusion")
    }
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (tmp_path / "figures").iterdir())
    table = pd.read_csv(tmp_path / "table.csv")
    assert table["n"].tolist() == [2, 1]
    assert "no test scenes" in (tmp_path / "table.md").read_text()
    assert "3 of 4 trials finished; missing: ratio 10 (400 m) seed 1 (FAILED)" in (tmp_path / "table.md").read_text()

    log_report(study, report)
    client = MlflowClient(uri)
    assert {file.path for file in client.list_artifacts(study.run_id, "report")} == {f"report/{name}" for name in FILES}
    assert {"table.csv", "table.md"} <= {file.path for file in client.list_artifacts(study.run_id)}


def test_requests_do_not_grow_with_attempts(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    asked: Counter[str] = Counter()
    for name in ("search_runs", "search_experiments", "download_artifacts"):

        def counted(*words: object, _name: str = name, _call: object = getattr(MlflowClient, name), **more: object):  # type: ignore[no-untyped-def]  # noqa: ANN202
            asked[_name] += 1
            return _call(*words, **more)  # type: ignore[operator]

        monkeypatch.setattr(MlflowClient, name, counted)
    study = open_study(uri)
    asked.clear()
    read_evidence(study)
    assert asked == {"search_runs": 1, "download_artifacts": 3 + 1}, "three results, the error of one failed trial"


def test_the_command_writes_says_and_logs(uri: str, tmp_path: Path) -> None:
    code, said = run(["downscale", "--out", str(tmp_path / "r"), "--lake-digest", "lake1"], uri)
    assert code == 0, said
    assert "3 of 4 trials finished" in said
    assert "Best is ratio 2 (80 m)" in said
    assert f"report: {tmp_path / 'r' / 'report.html'}" in said
    assert "mlflow ui --backend-store-uri sqlite:///" in said
    assert {path.name for path in (tmp_path / "r").iterdir()} == FILES


def test_of_several_lakes_the_newest_is_taken_and_the_others_are_named(uri: str, tmp_path: Path) -> None:
    code, said = run(["downscale", "--out", str(tmp_path), "--no-log"], uri)
    assert code == 0, said
    assert "study downscale ran on 2 lakes: this is lake2, the newest; --lake-digest chooses another (lake1)" in said
    assert "The design of this study is not on record" in said


@pytest.mark.parametrize("words", [[], ["--all"]])
def test_without_a_name_it_is_a_page_over_all_studies(words: list[str], uri: str, tmp_path: Path) -> None:
    code, said = run([*words, "--out", str(tmp_path), "--no-log", "--lake-digest", "lake1"], uri)
    assert code == 0, said
    assert {path.name for path in tmp_path.iterdir()} == {
        "campaign.html", "campaign.csv", "campaign.md", "campaign.tex", "downscale", "patch_size",
    }  # fmt: skip
    assert pd.read_csv(tmp_path / "campaign.csv")["study"].tolist() == ["downscale", "patch_size"]
    assert "patch_size: 1 of 4 trials finished" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["downscal"], "unknown study 'downscal': known are downscale, patch_size; did you mean 'downscale'?"),
        (["downscale", "--lake-digest", "lake3"], "unknown lake of study 'downscale' 'lake3': known are lake2, lake1"),
        (["--all", "--lake-digest", "lake3"], "no study ran on the lake 'lake3'"),
        (["downscale", "--all"], "--all and the study 'downscale' are given: give one of them"),
        (["--tracking-uri", "./mlruns"], "MLflow refuses plain folders"),
        (["--tracking-uri", "http://127.0.0.1:9"], "does not answer"),
    ],
)
def test_what_cannot_work_is_one_sentence(words: list[str], sentence: str, uri: str, tmp_path: Path) -> None:
    code, said = run([*words, "--out", str(tmp_path)], uri)
    assert code == 2
    assert sentence in said
    assert list(tmp_path.iterdir()) == []


def test_an_empty_store_has_no_report(tmp_path: Path) -> None:
    code, said = run([], fresh_database(tmp_path))
    assert code == 2
    assert "there is no study on this tracking server" in said
