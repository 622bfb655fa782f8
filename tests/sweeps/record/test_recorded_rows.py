"""Runs that the first program left in MLflow: found again, read by every reader of rows, or listed with a reason."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from datasets.catalog import Catalog
from sweeps.__main__ import app
from sweeps.compare.entries import compare_entries
from sweeps.compare.finished_runs import named_baselines
from sweeps.design.experiment import Arm, Experiment
from sweeps.design.point import Point
from sweeps.launch import study_run
from sweeps.launch.placement import Placement
from sweeps.launch.plan import Plan
from sweeps.launch.strategy import Strategy
from sweeps.launch.study_run import Request, run_study
from sweeps.leaderboard.ranking import rank
from sweeps.record.state import finished_earlier, state_of, states_of
from sweeps.record.studies import list_studies, list_trials, study_row
from sweeps.record.study import StudyTracker, TrialRow
from sweeps.report.evidence import collect
from sweeps.report.write import write_report
from tests.mlflow_server import fresh_database
from tests.recorded import recorded, replay
from training.attribution import settings as attribution
from training.spec import TrialSpec, identity
from training.tracking import run_content

LAKE = "dc6c4aa8b2d3"
PIXEL = TrialSpec.from_dict(
    {
        "data": {"ratio": 10, "patch_size": 16, "channels": ["nersc_sar_primary", "sar_incidenceangle", "t2m"]},
        "model": {"params": {"filters": [4, 4]}},
        "optimizer": {"name": "sgd", "lr": 1e-2},
        "loop": {"batch_size": 4, "batches_per_epoch": 3, "max_epochs": 2},
    }
)
PATCH = PIXEL.with_all(
    {
        "data.task": "patch",
        "data.ratio": 2,
        "data.patch_size": 24,
        "data.stride": 12,
        "model": {"name": "cnn"},
        "loop.batches_per_epoch": None,
        "loop.max_epochs": 1,
    }
)
STUDY = Experiment(
    name="recorded",
    question="Which network reads ice types best?",
    arms={
        "pixel": Arm(base=PIXEL, axes={"model": {"unet": {"model.name": "unet"}}}),
        "patch": Arm(base=PATCH, axes={"model": {"cnn": {"model.name": "cnn"}}}),
    },
    seeds=(0, 1),
)
METHOD = {"attribution.method": "integrated_gradients", "attribution.steps": 4, "attribution.baselines": 2}
EXPLAINED = Experiment(
    name="recorded_importance",
    question="Which channels count?",
    arms={
        "pixel": Arm(
            base=PIXEL,
            axes={"model": {"unet": {"model.name": "unet"}}, "method": {"integrated_gradients": METHOD}},
        )
    },
    seeds=(0,),
    trained_by="x",
)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with MLflow as the first program left it."""
    folder = tmp_path_factory.mktemp("replayed")
    replay(fresh_database(folder))
    return folder


@pytest.fixture
def uri(replayed: Path, tmp_path: Path) -> str:
    shutil.copyfile(replayed / "mlflow.db", tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture
def studies(uri: str) -> dict[str, StudyTracker]:
    return {row.study: row.tracker(uri) for row in list_studies(uri)}


def trials_of(experiment: Experiment) -> list[Point]:
    """As the program of today makes them."""
    return [trial.bound_to(LAKE) for trial in experiment.trials()]


def said_by_a_run(
    experiment: Experiment, uri: str, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[str], int]:
    """What the launcher says, and how many trials it would run; nothing is trained."""
    asked: list[object] = []

    def place(
        plan: Plan, request: Request, placement: Placement, orders: list[object], *others: object
    ) -> list[object]:
        asked.extend(orders)
        return []

    @contextmanager
    def watching(watched: object) -> Iterator[Any]:
        yield lambda event: None

    monkeypatch.setattr(study_run, "_place", place)
    lake: Any = SimpleNamespace(digest=LAKE, recipe_digest="r", url="lake", catalog=Catalog)
    request = Request(
        lake_urls=("lake",),
        tracking_uri=uri,
        placement=Placement(cpus=1, gpus=0, max_concurrent=None, storage=str(storage)),
        strategy=Strategy(),
    )
    ready = tuple((trial, lake) for trial in trials_of(experiment))
    said: list[str] = []
    run_study(Plan(study=experiment, part=experiment, lake=lake, ready=ready), request, watching, said.append)
    return said, len(asked)


@pytest.mark.parametrize("experiment", [STUDY, EXPLAINED])
def test_what_is_finished_is_found(
    experiment: Experiment,
    uri: str,
    studies: dict[str, StudyTracker],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    states = states_of(studies[experiment.name].children_rows())
    assert {state_of(states, trial.trial_id).state for trial in trials_of(experiment)} == {"finished"}
    said, run = said_by_a_run(experiment, uri, tmp_path, monkeypatch)
    assert (len(said), run) == (1, 0)
    assert said[0].endswith("finished before, 0 to run")


@pytest.mark.slow
def test_under_raised_rules_it_runs_again_and_the_launcher_says_why(
    uri: str, studies: dict[str, StudyTracker], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "RULES", {1: "first", 2: "crops are drawn by area"})
    states = states_of(studies["recorded"].children_rows())
    earlier = [trial.earlier_ids for trial in trials_of(STUDY)]
    assert finished_earlier(states, earlier) == {"crops are drawn by area": 4}
    said, run = said_by_a_run(STUDY, uri, tmp_path, monkeypatch)
    assert run == 4
    assert said[1:] == ["of these 4 finished before under another id, and run again: crops are drawn by area"]
    said, run = said_by_a_run(EXPLAINED, uri, tmp_path, monkeypatch)
    assert (run, said[1:]) == (1, [said[1]])
    assert said[1].endswith("crops are drawn by area")


def test_raised_rules_of_attribution_leave_trainings_alone(
    uri: str, studies: dict[str, StudyTracker], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attribution, "RULES", {1: "first", 2: "baselines are drawn by season"})
    assert said_by_a_run(STUDY, uri, tmp_path, monkeypatch)[1] == 0
    said, run = said_by_a_run(EXPLAINED, uri, tmp_path, monkeypatch)
    assert run == 1
    assert said[1:] == ["of these 1 finished before under another id, and runs again: baselines are drawn by season"]


def test_a_trial_that_never_ran_is_not_said_to_have_finished(
    uri: str, studies: dict[str, StudyTracker], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, run = said_by_a_run(STUDY.with_seeds(3), uri, tmp_path, monkeypatch)
    assert (len(said), run) == (1, 2)


@pytest.mark.slow
def test_all_that_reads_rows_reads_them(uri: str, studies: dict[str, StudyTracker], tmp_path: Path) -> None:
    report = write_report(studies["recorded"], tmp_path / "report")
    assert "unet" in report.texts()["table.csv"]
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "4 of 4 trials finished" in page
    assert "pixel-based" in page
    assert "patch-based" in page
    importance = write_report(studies["recorded_importance"], tmp_path / "importance")
    assert any("t2m" in text for text in importance.texts().values())
    for words in (["status"], ["status", "recorded"], ["leaderboard", "--out", str(tmp_path / "board")]):
        done = CliRunner().invoke(app, [*words, "--tracking-uri", uri], env={"COLUMNS": "200"})
        assert done.exit_code == 0, done.output
    ranked = rank(row for row in list_trials(uri) if row.tags.get("lake") == LAKE)
    assert {(each.model, each.task, len(each.trials)) for each in ranked} == {
        ("unet", "pixel-based", 2),
        ("cnn", "patch-based", 2),
    }
    entries = named_baselines(uri, ["recorded"], LAKE)
    own = [entry for entry in entries if entry.row.params["model.name"] == "unet"]
    compared = compare_entries(own, entries, lake=LAKE, recipe="r", uri=uri)
    assert [key[0].split()[0] for key in (compared.own, *compared.others)] == ["unet", "cnn"]


def test_rows_from_before_a_field_was_there_have_its_first_default(
    uri: str, studies: dict[str, StudyTracker], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class GrownSpec(TrialSpec):
        warm_up: int = 3

    before = {row.trial_id: dict(row.params) for row in studies["recorded"].children_rows()}
    words = {"segmentation": "pixel", "classification": "patch"}
    for row in recorded("mlflow.json")[0]["rows"]:
        known = {**row["params"], "data.task": words[row["params"]["data.task"]]}
        assert {name: before[row["trial_id"]][name] for name in known} == known
    monkeypatch.setattr(run_content, "TrialSpec", GrownSpec)
    for row in studies["recorded"].children_rows():
        assert row.params == {**before[row.trial_id], "warm_up": "3"}


def test_of_one_seed_under_two_ids_the_newest_counts(uri: str, studies: dict[str, StudyTracker]) -> None:
    study = studies["recorded"]
    rows = study.children_rows()

    def later(row: TrialRow) -> TrialRow:
        new = {"trial_id": f"new-{row.trial_id}", "run_id": f"new-{row.run_id}", "started": row.started + 10**9}
        return row.model_copy(update=new)

    again = [later(row) for row in rows]
    for every in ([*rows, *again], [*again, *rows]):
        found = collect(study_row(study), uri, every, {})
        assert {trial.row.run_id for trial in found.finished} == {row.run_id for row in again}
        assert found.lost_attempts == 4
        ranked = rank(every)
        assert {row.run_id for each in ranked for row in each.trials} == {row.run_id for row in again}
