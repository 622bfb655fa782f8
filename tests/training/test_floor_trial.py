"""A floor is a trial like every other: fitted, validated, scored, kept and recorded."""

from pathlib import Path

import pytest
import torch

from datasets.lake import Lake
from training.loop.checkpoint import load_checkpoint
from training.loop.checkpoint_files import BEST, LAST
from training.spec import TrialSpec
from training.tracking.tracker import MemoryTracker
from training.trial import run_trial


@pytest.mark.slow
def test_a_floor_is_fitted_scored_and_kept(tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    spec = small_spec.with_("model", {"name": "floor:trees", "params": {"rounds": 3, "leaves": 8, "depth": 4}})
    results = [run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path / name) for name in ("one", "two")]
    common = small_spec.with_("model", {"name": "floor:commonest", "params": {}})
    least = run_trial(common, tiny_lake, MemoryTracker(), folder=tmp_path / "least")
    assert results[0].metrics["test/f1"] == results[1].metrics["test/f1"]
    assert results[0].metrics["test/f1"] > least.metrics["test/f1"]
    assert (results[0].epochs, results[0].best_epoch) == (1, 0)
    assert results[0].trained_on is not None
    model = load_checkpoint(tmp_path / "one" / BEST).model()
    assert model.get_buffer("value").abs().sum() > 0
    assert not (tmp_path / "one" / LAST).exists()
