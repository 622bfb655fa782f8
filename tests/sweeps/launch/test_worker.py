"""One trial as a worker runs it, without Ray."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from datasets.errors import LoaderError
from datasets.lake import Lake
from datasets.loading.batch import Batch
from datasets.loading.batches import BatchLoader
from sweeps.launch.checkpoints import TrialCheckpoints
from sweeps.launch.order import REFUSED, Order, Report
from sweeps.launch.worker import explain_order, given_gpu, run_order
from sweeps.record.study import StudyTracker
from tests.mlflow_server import fresh_database
from tests.sweeps.launch.small_study import SPEC
from training.attribution.settings import AttributionSettings
from training.loop.machine import DeviceError
from training.tracking.outbox import OutboxError


def order_of(study: StudyTracker, lake: Lake, folder: Path, **changes: Any) -> Order:  # noqa: ANN401
    given = {"spec": SPEC.with_("data.lake", lake.digest), "labels": {"seed": "0"}} | changes
    return Order(
        lake=lake.url,
        tracking_uri=study.tracking_uri,
        study=study.study,
        parent_run=study.run_id,
        storage=str(folder / "storage"),
        **given,
    )


def test_a_trial_that_fails_before_it_begins_is_on_record(tiny_lake: Lake, tmp_path: Path) -> None:
    """Its scenes have no patch of one class."""
    study = StudyTracker.open(fresh_database(tmp_path), study="small", lake=tiny_lake.digest)
    patches = {"data.task": "patch", "model.name": "cnn", "model.params": {}}
    spec = SPEC.with_all({**patches, "data.lake": tiny_lake.digest})
    order = order_of(study, tiny_lake, tmp_path, spec=spec, labels={"task": "patch", "seed": "0"})
    told: list[dict[str, object]] = []
    run_order(order, tmp_path / "work", told.append)
    assert "is a patch with one class of SOD" in str(told[-1][REFUSED])
    (row,) = study.children_rows()
    assert (row.status, row.trial_id) == ("FAILED", spec.trial_id)
    assert (row.tags["axis.task"], row.tags["lake"]) == ("patch", tiny_lake.digest)


@pytest.mark.parametrize(("run", "attribution"), [(run_order, None), (explain_order, AttributionSettings())])
def test_an_attempt_that_can_report_nothing_does_not_take_the_trial_from_one_that_can(
    run: Callable[[Order, Path, Report], None],
    attribution: AttributionSettings | None,
    tiny_lake: Lake,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = StudyTracker.open(fresh_database(tmp_path), study="small", lake=tiny_lake.digest)
    order = order_of(study, tiny_lake, tmp_path, attribution=attribution)
    living = TrialCheckpoints(order.checkpoints, tmp_path / "living", attempt="living")
    living.take(resume=False)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ICEBENCH_OUTBOX", str(tmp_path / "file"))
    with pytest.raises(OutboxError, match="cannot be written"):
        run(order, tmp_path / "work", lambda told: None)
    living.check_owner()
    assert study.children_rows() == []


def test_a_loader_worker_that_died_is_left_to_tune_which_tries_again(
    tiny_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(loader: BatchLoader, number: int) -> Iterator[Batch]:
        raise LoaderError("a loader worker died")

    monkeypatch.setattr(BatchLoader, "epoch", fails)
    study = StudyTracker.open(fresh_database(tmp_path), study="small", lake=tiny_lake.digest)
    order = order_of(study, tiny_lake, tmp_path)
    told: list[dict[str, object]] = []
    with pytest.raises(LoaderError, match="a loader worker died"):
        run_order(order, tmp_path / "work", told.append)
    assert told == []


def test_a_trial_whose_gpu_torch_cannot_use_fails_and_does_not_train_for_days_on_a_cpu(
    tiny_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    study = StudyTracker.open(fresh_database(tmp_path), study="small", lake=tiny_lake.digest)
    order = order_of(study, tiny_lake, tmp_path, resources={"CPU": 1.0, "GPU": 1.0})
    with pytest.raises(DeviceError, match=r"torch sees no GPU on .*, and one is asked for"):
        run_order(order, tmp_path / "work", lambda told: None)
    (row,) = study.children_rows()
    assert row.status == "FAILED"


@pytest.mark.parametrize(("resources", "share"), [({}, 0), ({"CPU": 4.0}, 0), ({"GPU": 0.25}, 0.25), ({"GPU": 1.0}, 1)])
def test_a_process_takes_the_part_of_a_gpu_that_ray_gave_it(
    resources: dict[str, float], share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray leaves all GPUs of a node visible to a process that it gives none."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    order = Order.model_construct(resources=resources)
    assert given_gpu(order) == share
