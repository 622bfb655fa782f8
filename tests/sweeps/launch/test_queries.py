"""What a driver asks MLflow does not grow with the trials that are finished."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from datasets.lake import Lake
from sweeps.launch.plan import plan
from sweeps.launch.study_run import open_study
from tests.mlflow_server import fresh_database
from tests.sweeps.launch.small_study import request_of, run, small_study


def queries(lake: Lake, folder: Path, trials: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Requests of a driver that finds all its trials finished."""
    folder.mkdir()
    request = request_of(lake, folder, uri=fresh_database(folder))
    planned = plan(small_study(trials), [lake])
    study = open_study(planned, request)
    client = MlflowClient(study.tracking_uri)
    for trial, _ in planned.ready:
        tags = {"kind": "trial", "trial_id": trial.spec.trial_id, "mlflow.parentRunId": study.run_id}
        run_id = client.create_run(study.experiment_id, tags=tags).info.run_id
        client.set_terminated(run_id, "FINISHED")
    asked: list[str] = []
    for name in (
        "search_runs",
        "get_run",
        "set_tag",
        "log_batch",
        "update_run",
        "set_terminated",
        "search_experiments",
    ):
        real = getattr(MlflowClient, name)

        def counting(self: MlflowClient, *args: object, _real=real, _name=name, **named: object) -> object:  # type: ignore[no-untyped-def] # noqa: ANN001
            asked.append(_name)
            return _real(self, *args, **named)

        monkeypatch.setattr(MlflowClient, name, counting)
    done = run(planned.study, request)
    monkeypatch.undo()
    assert (done.outcomes, done.finished) == ((), trials)
    return len(asked)


@pytest.mark.slow
def test_as_many_for_forty_trials_as_for_two(tiny_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = queries(tiny_lake, tmp_path / "few", 2, monkeypatch)
    many = queries(tiny_lake, tmp_path / "many", 40, monkeypatch)
    assert few == many <= 16
