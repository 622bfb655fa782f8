"""A study of attributions: named where no network is trained, run on Ray where there is one, and not run again."""

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from datasets.lake import Lake
from sweeps.design.catalogue import study as study_of
from sweeps.design.experiment import Arm, Experiment, ExperimentError
from sweeps.design.point import Point
from sweeps.launch.command import application
from sweeps.launch.explaining import explain_order
from sweeps.launch.order import Order
from sweeps.launch.plan import plan
from sweeps.launch.worker import REFUSED, run_order
from sweeps.record.study import StudyTracker
from sweeps.report.importance import MEAN
from sweeps.report.write import PAGE, write_report
from tests.mlflow_server import fresh_database
from tests.sweeps.launch.small_study import SPEC, finished_once, request_of, run, small_study

NETWORKS = {"plain": {}, "small": {"model.params": {"filters": [3, 3]}}}
METHODS = ("feature_ablation", "integrated_gradients")
SMALL = {"attribution.steps": 2, "attribution.baselines": 2}


def explaining(models: dict[str, dict[str, object]], methods: tuple[str, ...] = METHODS) -> Experiment:
    asked = {method: {"attribution.method": method, **SMALL} for method in methods}
    return Experiment(
        name="why",
        question="Why?",
        arms={"pixel": Arm(base=SPEC, axes={"model": models, "method": asked})},
        seeds=(0, 1),
        trained_by="python sweeps/small.py --only model={model} --only seed={seed}",
    )


def keep(storage: Path, study: Experiment, lake: Lake, name: str = "best.pt") -> None:
    """What a training of every network of the study leaves, as far as a plan looks."""
    for trial in study.trials():
        path = storage / "checkpoints" / trial.bound_to(lake.digest).spec.trial_id / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_networks_that_are_not_trained_are_named(tiny_lake: Lake, tmp_path: Path) -> None:
    study = explaining(NETWORKS)
    with pytest.raises(
        ExperimentError, match=r"train it first: python sweeps/small.py --only model=plain --only seed=0"
    ):
        plan(study, (tiny_lake,), str(tmp_path))
    keep(tmp_path, study.only(["model=plain"]), tiny_lake)
    found = plan(study, (tiny_lake,), str(tmp_path))
    assert {trial.labels["model"] for trial, _ in found.ready} == {"plain"}
    assert [each.trial.labels["model"] for each in found.impossible] == ["small"] * 4
    keep(tmp_path, study.only(["seed=1"]), tiny_lake, "last.pt")
    found = plan(study, (tiny_lake,), str(tmp_path))
    assert {trial.labels["seed"] for trial, _ in found.ready} == {0}
    assert "has not ended (last.pt is there): finish it first" in found.impossible[1].reason


def test_the_command_names_what_to_train_first(tiny_lake: Lake, tmp_path: Path) -> None:
    words = ["--smoke", "--task", "pixel", "--only", "model=unet", "--lake", tiny_lake.url, "--storage", str(tmp_path)]
    words += ["--tracking-uri", f"sqlite:///{tmp_path}/m.db"]
    command = application({"feature_importance": study_of("feature_importance")}, "")
    result = CliRunner().invoke(command, words, env={"COLUMNS": "200"})
    assert result.exit_code == 2, result.output
    sentence = "train it first: python sweeps/base_model.py --only model=unet --only seed=0 --smoke"
    assert sentence in " ".join(result.output.split())
    assert list(tmp_path.iterdir()) == []


def test_a_search_by_scores_has_nothing_to_explain(tmp_path: Path) -> None:
    command = application({"feature_importance": study_of("feature_importance")}, "")
    words = ["--search", "optuna", "--task", "pixel", "--dry-run"]
    result = CliRunner().invoke(command, words, env={"COLUMNS": "200"})
    assert result.exit_code == 2, result.output
    assert "feature_importance trains nothing: leave them out" in " ".join(result.output.split())
    every = {name: study_of(name) for name in ("downscale", "feature_importance")}
    result = CliRunner().invoke(application(every, ""), words, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert "study feature_importance trains nothing that could be searched, and is left out" in result.output


def test_trainings_of_the_same_campaign_are_waited_for(tiny_lake: Lake, tmp_path: Path) -> None:
    study = explaining({"plain": {}})
    trained = plan(small_study(2), (tiny_lake,), str(tmp_path)).ready
    found = plan(study, (tiny_lake,), str(tmp_path), {trial.trial_id for trial, _ in trained})
    assert len(found.ready) == 4


def test_a_method_that_cannot_handle_a_network_is_named(tiny_lake: Lake, tmp_path: Path) -> None:
    dense = {
        "model.name": "densenet121",
        "model.params": {},
        "data.task": "patch",
        "data.patch_size": 32,
    }  # its last ReLU is no layer
    study = explaining({"dense": dense}, ("deeplift", "feature_ablation"))
    keep(tmp_path, study, tiny_lake)
    found = plan(study, (tiny_lake,), str(tmp_path))
    assert {trial.labels["method"] for trial, _ in found.ready} == {"feature_ablation"}
    assert {each.trial.labels["method"] for each in found.impossible} == {"deeplift"}
    assert all(each.reason.startswith("DeepLIFT has no rule for ") for each in found.impossible)


def order_of(trial: Point, lake: Lake, study: StudyTracker, storage: Path) -> Order:
    return Order(
        spec=trial.spec,
        attribution=trial.attribution,
        labels={axis: str(value) for axis, value in trial.labels.items()},
        lake=lake.url,
        tracking_uri=study.tracking_uri,
        study=study.study,
        parent_run=study.run_id,
        storage=str(storage),
    )


def test_a_torn_checkpoint_is_a_failure_that_is_not_tried_again(tiny_lake: Lake, tmp_path: Path) -> None:
    study = explaining({"plain": {}})
    keep(tmp_path, study, tiny_lake)
    record = StudyTracker.open(fresh_database(tmp_path), study="why", lake=tiny_lake.digest)
    trial, _ = plan(study, (tiny_lake,), str(tmp_path)).ready[0]
    order = order_of(trial, tiny_lake, record, tmp_path)
    told: list[dict[str, object]] = []
    explain_order(order, tmp_path / "work", told.append)  # an error that it raised would be tried again
    assert "cannot be read as a checkpoint" in str(told[-1][REFUSED])
    (row,) = record.children_rows()
    assert (row.status, row.trial_id, row.tags["explains"]) == ("FAILED", trial.trial_id, trial.spec.trial_id)
    assert row.trial_id != trial.spec.trial_id, "it never counts as a training"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_trained_networks_are_explained_once(tiny_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "local")
    study = explaining({"plain": {}})
    request = request_of(tiny_lake, tmp_path)
    trained = StudyTracker.open(request.tracking_uri, study="small", lake=tiny_lake.digest)
    for trial, _ in plan(small_study(2), (tiny_lake,), "").ready:  # as a worker trains it
        run_order(order_of(trial, tiny_lake, trained, tmp_path / "storage"), tmp_path / trial.trial_id, lambda _: None)

    done = run(study, request)
    assert not done.failed
    assert done.finished == 0
    assert finished_once(done.study, 4)
    rows = done.study.children_rows()
    networks = {row.trial_id for row in trained.children_rows()}
    assert {row.tags["explains"] for row in rows} == networks
    assert not {row.trial_id for row in rows} & networks
    assert all(row.metrics["cost/seconds"] > 0 for row in rows)
    again = run(study, request)
    assert (again.finished, again.outcomes) == (4, ())
    assert finished_once(done.study, 4)

    report = write_report(done.study, tmp_path / "report")
    assert report.state == "4 of 4 trials finished"
    table = pd.read_csv(tmp_path / "report" / "table.csv")
    channels = table[~table["is_group"] & (table["class"] != MEAN)]
    assert set(table["method"]) == set(METHODS)
    assert set(channels["feature"]) == set(SPEC.data.channels)
    assert channels.groupby(["method", "class"])["share"].sum().to_numpy() == pytest.approx(1.0)
    assert "season/spring" in set(pd.read_csv(tmp_path / "report" / "bins.csv")["bin"])
    assert "data:image/png" in (tmp_path / "report" / PAGE).read_text()
