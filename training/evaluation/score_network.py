"""All that is recorded of a trained network: scores of the test scenes, calibration, and the scenes they speak of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import nn

from datasets.patches.patch_index import PatchIndex
from training.data.scene_set import SceneSet, scene_set
from training.data.trial_data import TrialData
from training.evaluation.calibration import CalibrationCount, ChartCalibration, calibration_metrics
from training.evaluation.metrics import metrics_of
from training.evaluation.score_trial import Draw, TrialScores, draw_nothing, score_trial
from training.evaluation.tiles import Tiling
from training.loop.device_memory import memory_of, to_score


@dataclass(frozen=True, kw_only=True)
class NetworkScores:
    """Scores and calibration of a network.

    Attributes:
        scores: Of the test scenes.
        calibration: By chart; one that is a regression has none.
        trained_on: The training scenes, as `tested_on` the test scenes.
        metrics: Both by the names of the tracker.
    """

    scores: TrialScores
    calibration: Mapping[str, ChartCalibration]
    trained_on: SceneSet
    tested_on: SceneSet
    metrics: Mapping[str, float]


def score_network(
    network: nn.Module,
    data: TrialData,
    *,
    tiling: Tiling | None,
    val_patches: PatchIndex | None,
    test_patches: PatchIndex | None,
    draw: Draw = draw_nothing,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> NetworkScores:
    """Fits the temperatures on the val scenes, then scores and counts the test scenes in one pass.

    Arguments are those of `training.evaluation.score_trial.score_trial`; the pure patches are None for a pixel-based
    trial.

    Raises:
        SplitError: There is no test scene with a label.
        DeviceMemoryError: The GPU has no memory for it.
    """
    spec, scenes = data.spec, data.scenes
    with memory_of(data.inputs.device, "score a test scene", to_score(spec)):
        count = CalibrationCount.fitted(network, data, tiling, val_patches)
        scores = score_trial(
            network, data, tiling=tiling, pure=test_patches, draw=draw, look=count.add, progress=progress
        )
    calibration = count.result()
    trained_on, tested_on = (scene_set(each, spec.data.targets) for each in (scenes.train, scenes.test))
    return NetworkScores(
        scores=scores,
        calibration=calibration,
        trained_on=trained_on,
        tested_on=tested_on,
        metrics={
            **metrics_of(
                scores.matrices, spec.data.targets, unseen=trained_on.absent, terms=spec.loop.monitor == "score"
            ),
            **calibration_metrics(calibration, spec.data.primary),
        },
    )
