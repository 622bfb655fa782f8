"""What a trial leaves for people, and what its tracker is given of it."""

from pathlib import Path

import pytest
import torch

from datasets.loading.normalize import Normalization
from training.artifacts.trial_files import log_trial_files, write_trial_files
from training.data.scene_set import SceneSet
from training.evaluation.bins import ScoreKey
from training.evaluation.calibration import BINS, ChartCalibration
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.result import TrialResult
from training.evaluation.score_network import NetworkScores, TrialScores
from training.loop.checkpoint import Checkpoint
from training.loop.epoch import EpochRow
from training.loop.trainer import FitState
from training.models import build_network
from training.spec import TrialSpec
from training.tracking.tracker import MemoryTracker

RECORDED = Path(__file__).parents[2] / "data" / "result.json"
SPEC = TrialSpec.from_dict({"data": {"channels": ["t2m"]}, "model": {"params": {"filters": [4, 4]}}})
ROW = EpochRow(
    epoch=0, lr=0.1, train_loss=2.0, val_loss=1.0, val_f1=0.5, val_f1_macro=0.4, val_accuracy=0.6, val_score=0.5,
    patches_per_second=9.0, data_wait_share=0.1, bytes_per_patch=100.0,
)  # fmt: skip


def calibrated() -> ChartCalibration:
    """Of a network that was asked for 600 pixels of each class."""
    tables = {"n": [[30.0] * BINS] * 6, "right": [[20.0] * BINS] * 6, "confidence": [[15.0] * BINS] * 6}
    return ChartCalibration(
        temperature=2.0, errors={}, class_errors={}, histograms={"test": tables, "test_scaled": tables}
    )


def test_figures_and_tables_are_written_and_named_for_the_tracker(tmp_path: Path) -> None:
    result = TrialResult.model_validate_json(RECORDED.read_text(encoding="utf-8"))
    drawn = tmp_path / "scene_SOD.png"
    counts = ConfusionMatrix(torch.ones(6, 6).numpy())
    scores = TrialScores(matrices={ScoreKey("test", "SOD"): counts}, scenes=result.scenes, maps=(drawn,))
    scenes = SceneSet(scenes=3, labelled=100, ice=80, labelled_ice=60)
    found = NetworkScores(
        scores=scores,
        calibration={"SOD": calibrated()},
        trained_on=scenes,
        tested_on=scenes,
        metrics=result.metrics,
    )
    files = write_trial_files(tmp_path, SPEC, result, found, FitState(history=[ROW], best_epoch=0))
    assert [(path.name, place) for path, place in files] == [
        ("curves.png", "figures"),
        ("confusion_test_SOD.png", "figures"),
        ("reliability_SOD.png", "figures"),
        ("scene_SOD.png", "maps"),
        ("result.json", ""),
        ("scores_per_scene.csv", ""),
        ("calibration.json", ""),
        (Path(result.checkpoint).name, "checkpoint"),
    ]
    assert all(path.is_file() for path, place in files if place in ("figures", ""))


@pytest.mark.slow
def test_the_network_goes_only_to_a_tracker_that_keeps_models(tmp_path: Path) -> None:
    best = Checkpoint(
        spec=SPEC,
        normalization=Normalization(channels=("t2m",), mean=(260.0,), std=(10.0,)),
        epoch=0,
        state=build_network(SPEC).state_dict(),
    )
    (tmp_path / "a.txt").write_text("a")
    for keeps, models in ((False, []), (True, ["model"])):
        tracker = MemoryTracker(keeps_models=keeps)
        log_trial_files(tracker, [(tmp_path / "a.txt", "tables")], best)
        assert (tracker.files, tracker.models) == (["tables/a.txt"], models)
