"""A study of attributions: named where no network is trained, run on Ray where there is one, and not run again."""

from pathlib import Path

import pandas as pd
import pytest

from datasets.lake import Lake
from sweeps.design.point import Point
from sweeps.launch.order import Order
from sweeps.launch.plan import plan
from sweeps.launch.worker import REFUSED, explain_order, run_order
from sweeps.record.study import StudyTracker
from sweeps.report.importance import MEAN
from sweeps.report.write import PAGE, write_report
from tests.mlflow_server import fresh_database
from tests.sweeps.launch.explaining_study import METHODS, explaining, keep
from tests.sweeps.launch.small_study import SPEC, finished_once, request_of, run, small_study


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
@pytest.mark.timeout(1800)
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
