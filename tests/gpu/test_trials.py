"""Whole trials on a GPU: the CPU's scores, stop and go on, a full memory, attribution, two that share a card."""

import os
import sys
from pathlib import Path

import pytest
import torch

from datasets.lake import Lake
from training.attribution.run import attribute
from training.attribution.settings import AttributionSettings
from training.evaluation.result import TrialResult
from training.loop.checkpoint_files import BEST
from training.loop.device_memory import DeviceMemoryError
from training.loop.epoch import EpochRow, TrainingProgress
from training.spec import TrialSpec
from training.tracking.tracker import MemoryTracker
from training.trial import run_trial

pytestmark = pytest.mark.gpu

ROOT = Path(__file__).resolve().parents[2]
SCORES = ("test/f1", "test/accuracy", "test/iou", "best/val_loss")


@pytest.fixture
def spec(small_spec: TrialSpec) -> TrialSpec:
    return small_spec.with_all({"loop.precision": "float32", "loop.max_epochs": 3, "loop.batches_per_epoch": 4})


def test_scores_are_those_of_the_cpu_and_peak_memory_is_recorded(
    spec: TrialSpec, tiny_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = torch.empty(64 << 20, device="cuda")  # of other work in this process, before the trial
    del held
    there = run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path / "gpu")
    assert 0 < there.metrics["cost/peak_memory_mib"] < 256
    assert there.metrics["cost/gpu_hours"] > 0
    assert there.versions["device"] == torch.cuda.get_device_name()
    monkeypatch.setattr("training.checked_trial.best_device", lambda asked: torch.device("cpu"))
    here = run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path / "cpu")
    for name in SCORES:
        assert there.metrics[name] == pytest.approx(here.metrics[name], abs=0.02), name


def test_a_checkpoint_scores_the_same_on_both(
    spec: TrialSpec, tiny_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.evaluation.score_checkpoint import score_checkpoint

    run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path)
    _, there = score_checkpoint(tmp_path, tiny_lake)
    monkeypatch.setattr("training.evaluation.score_checkpoint.best_device", lambda: torch.device("cpu"))
    _, here = score_checkpoint(tmp_path, tiny_lake)
    for name in SCORES[:3]:
        assert there.metrics[name] == pytest.approx(here.metrics[name], abs=1e-4), name


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_stopped_trial_goes_on(precision: str, spec: TrialSpec, tiny_lake: Lake, tmp_path: Path) -> None:
    class StopError(Exception): ...

    def stop(progress: TrainingProgress) -> None:
        if progress.row is not None and progress.epoch == 1:
            raise StopError

    spec = spec.with_("loop.precision", precision)
    whole = run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path / "whole")
    with pytest.raises(StopError):
        run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path / "parts", progress=stop)
    epochs: list[int] = []
    rest = run_trial(
        spec, tiny_lake, MemoryTracker(), folder=tmp_path / "parts", progress=lambda told: epochs.append(told.epoch)
    )
    assert set(epochs) == {2}
    assert rest.metrics["best/val_loss"] == pytest.approx(whole.metrics["best/val_loss"], rel=0.05)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_an_epoch_is_chosen_in_the_precision_of_training(
    precision: str, spec: TrialSpec, tiny_lake: Lake, tmp_path: Path
) -> None:
    half = spec.with_all({"loop.precision": precision, "loop.val_precision": "training"})
    rows: list[EpochRow | None] = []
    result = run_trial(half, tiny_lake, MemoryTracker(), folder=tmp_path, progress=lambda told: rows.append(told.row))
    kept = [row for row in rows if row is not None][result.best_epoch]
    assert result.val_precision == precision
    assert result.metrics["best/val_loss"] == pytest.approx(kept.val_loss, rel=0.02)
    assert result.metrics["best/val_loss"] != kept.val_loss, "told in float32"


def test_a_full_gpu_is_one_sentence(spec: TrialSpec, tiny_lake: Lake, tmp_path: Path) -> None:
    share = torch.cuda.memory_allocated() + (24 << 20)
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(share / torch.cuda.mem_get_info()[1])
    try:
        with pytest.raises(DeviceMemoryError, match=r"no memory left to train \(.* lower loop.batch_size") as raised:
            run_trial(spec.with_("loop.batch_size", 4096), tiny_lake, MemoryTracker(), folder=tmp_path)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("method", ["integrated_gradients", "gradient_shap", "deeplift", "feature_ablation"])
def test_attribution_runs(method: str, spec: TrialSpec, tiny_lake: Lake, tmp_path: Path) -> None:
    run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path)
    settings = AttributionSettings.model_validate({"method": method, "patches_per_scene": 2, "steps": 8})
    there = attribute(tmp_path / BEST, tiny_lake, settings)
    here = attribute(tmp_path / BEST, tiny_lake, settings, device=torch.device("cpu"))
    assert there.versions["device"] == torch.cuda.get_device_name()
    assert [row.feature for row in there.rows] == [row.feature for row in here.rows]


def half_of_a_gpu(spec: dict[str, object], lake: str, folder: str) -> tuple[str, float]:
    result: TrialResult = run_trial(TrialSpec.from_dict(spec), Lake.open(lake), MemoryTracker(), folder=Path(folder))
    return os.environ["CUDA_VISIBLE_DEVICES"], result.metrics["test/f1"]


@pytest.mark.timeout(200)
@pytest.mark.filterwarnings("ignore")
def test_two_trials_share_a_gpu_by_rays_fractions(spec: TrialSpec, tiny_lake: Lake, tmp_path: Path) -> None:
    ray = pytest.importorskip("ray", reason="this machine has no Ray (it is larger than the kit)")
    paths = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    ray.init(
        address="local",
        num_cpus=2,
        num_gpus=1,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": paths}},
    )
    try:
        trial = ray.remote(num_cpus=1, num_gpus=0.5)(half_of_a_gpu)
        folders = [str(tmp_path / name) for name in "ab"]
        found = ray.get([trial.remote(spec.to_dict(), tiny_lake.url, folder) for folder in folders], timeout=180)
    finally:
        ray.shutdown()
    assert found[0][0] == found[1][0], "one card for both"
    assert found[0][1] == pytest.approx(found[1][1], abs=0.05)
