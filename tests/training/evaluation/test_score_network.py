"""Scores of a trained network on all test scenes: as a map, on pure patches, of three charts, in tiles."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.lake import Lake
from training.evaluation.bins import ScoreKey
from training.evaluation.confusion import ConfusionMatrix
from training.loop.checkpoint import load_checkpoint
from training.loop.checkpoint_files import BEST
from training.spec import TrialSpec
from training.tracking.tracker import MemoryTracker
from training.trial import run_trial


@pytest.mark.slow
def test_a_patch_based_trial_is_scored_on_patches_and_as_a_map(
    tiny_lake: Lake, patch_spec: TrialSpec, tmp_path: Path
) -> None:
    tracker = MemoryTracker()
    result = run_trial(patch_spec, tiny_lake, tracker, folder=tmp_path, cache=None)
    assert {"test/f1", "test_80m/f1", "test_patches/f1"} <= result.metrics.keys()
    pixels = ConfusionMatrix.from_lists(result.matrices[ScoreKey("test", "SOD")])
    charted = [
        (tiny_lake.scene(s).whole(2, ["SOD"])["SOD"] != 255).sum() for s in tiny_lake.catalog().split("test").scene_ids
    ]
    assert pixels.n == sum(charted), "the map covers every labelled pixel"
    assert 0 < ConfusionMatrix.from_lists(result.matrices[ScoreKey("test_patches", "SOD")]).n < pixels.n
    of_scenes = result.scene_matrices("test_patches", "SOD").values()
    assert sum(sum(map(sum, rows)) for rows in of_scenes) == sum(
        map(sum, result.matrices[ScoreKey("test_patches", "SOD")])
    )
    assert "figures/confusion_test_patches_SOD.png" in tracker.files
    calibration = json.loads((tmp_path / "calibration.json").read_text(encoding="utf-8"))["SOD"]
    pure = np.array(result.matrices[ScoreKey("test_patches", "SOD")])
    assert np.array_equal(np.sum(calibration["histograms"]["test"]["n"], axis=1), pure.sum(axis=0))
    assert np.array_equal(np.sum(calibration["histograms"]["test"]["right"], axis=1), pure.diagonal())


@pytest.mark.slow
def test_three_charts_have_three_heads_and_the_combined_score(
    tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path
) -> None:
    spec = small_spec.with_all(
        {
            "data.targets": ["SIC", "SOD", "FLOE"],
            "loss.sic": "regression",
            "loss.task_weights": {"SOD": 3.0, "FLOE": 3.0},
            "loss.class_weights": "balanced",
            "loop.monitor": "score",
            "augment.flip_lines": 0.5,
            "augment.rotate": 0.5,
            "augment.cutmix": 0.5,
        }
    )
    result = run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path)
    m = result.metrics
    assert m["test_80m/autoice"] == pytest.approx(
        (2 * m["test_80m/r2"] + 2 * m["test_80m/SOD/f1"] + m["test_80m/FLOE/f1"]) / 5
    )
    assert load_checkpoint(tmp_path / BEST).model()(torch.zeros(1, 5, 16, 16)).shape == (1, 1 + 6 + 7, 16, 16)
    calibration = json.loads((tmp_path / "calibration.json").read_text(encoding="utf-8"))
    assert calibration.keys() == {"SOD", "FLOE"}, "a regression has no probabilities"
    for chart, own in calibration.items():
        pixels = np.array(result.matrices[ScoreKey("test", chart)])
        assert np.array_equal(np.sum(own["histograms"]["test"]["n"], axis=1), pixels.sum(axis=0))
        assert np.array_equal(np.sum(own["histograms"]["test_scaled"]["right"], axis=1), pixels.diagonal())


@pytest.mark.slow
def test_smaller_tiles_give_the_same_scores(tiny_lake: Lake, small_spec: TrialSpec, tmp_path: Path) -> None:
    spec = small_spec.with_all({"data.ratio": 2, "loop.max_epochs": 1})
    whole = run_trial(spec, tiny_lake, MemoryTracker(), folder=tmp_path / "a")
    tiled = run_trial(spec.with_("evaluation.tile", 64), tiny_lake, MemoryTracker(), folder=tmp_path / "b")
    assert tiled.matrices == whole.matrices
