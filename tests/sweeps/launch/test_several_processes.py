"""A trial of two processes on Ray trains what one process trains, and is one run in MLflow."""

from dataclasses import replace
from pathlib import Path

import pytest

from datasets.lake import Lake
from datasets.process.checkout import ROOT
from sweeps.launch.placement import Placement
from tests.sweeps.launch.small_study import Events, request_of, run, small_study
from training.spec import TrialSpec
from training.tracking.tracker import MemoryTracker
from training.trial import run_trial


@pytest.fixture
def spec() -> TrialSpec:
    return TrialSpec.from_dict(
        {
            "data": {"ratio": 10, "patch_size": 16, "channels": ["nersc_sar_primary", "sar_incidenceangle", "t2m"]},
            "model": {"name": "tests.training.loop.cpu_batch_norm:synced_unet", "params": {"filters": [4, 4]}},
            "optimizer": {"name": "sgd", "lr": 1e-2},
            "loop": {"batch_size": 4, "batches_per_epoch": 3, "max_epochs": 2},
        }
    )


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_processes_are_one_trial(
    tiny_lake: Lake, spec: TrialSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "local")
    monkeypatch.setenv("ICEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # a study ships no tests, and the network of this one is in them
    request = request_of(tiny_lake, tmp_path)
    placement = Placement(cpus=1, gpus=0, max_concurrent=None, storage=str(tmp_path / "storage"), processes=2)
    events = Events()
    done = run(small_study(1, base=spec), replace(request, placement=placement), events)
    assert not done.failed
    assert [event.epoch for event in events.seen if not event.ended] == [0, 1, 2], "its begin, and two epochs"
    (row,) = done.study.children_rows()
    assert row.status == "FINISHED"
    alone = run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path / "alone")
    assert row.metrics["best/val_loss"] == pytest.approx(alone.metrics["best/val_loss"], rel=1e-3)
    assert row.metrics["train/loss"] > 0
