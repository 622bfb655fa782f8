"""All that is recorded of a trained network: scores of its test scenes, calibration, and the scenes they speak of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from datasets.patches.patch_index import PatchIndex
from datasets.scene import SceneRecord
from training.data.scene_set import SceneSet, scene_set
from training.data.trial_data import TrialData
from training.evaluation.bins import ScoredScene, ScoreKey, sum_bins
from training.evaluation.calibration import CalibrationCount, ChartCalibration, calibration_metrics
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.metrics import metrics_of
from training.evaluation.result import SceneRow, TrialResult, scene_rows
from training.evaluation.score_scenes import Look, SceneScore, SceneToScore, by_scene, open_scene, score_scenes
from training.evaluation.tiles import Tiling
from training.loop.device_memory import memory_of, to_score

Draw = Callable[[SceneScore], list[Path]]
"""Draws pictures of a scored scene and returns their paths."""


def draw_nothing(score: SceneScore) -> list[Path]:
    """No pictures."""
    return []


@dataclass(frozen=True, kw_only=True)
class TrialScores:
    """What the test scenes gave: matrices by grid, chart and bin, rows of scenes, and pictures (`maps`)."""

    matrices: Mapping[ScoreKey, ConfusionMatrix]
    scenes: tuple[SceneRow, ...]
    maps: tuple[Path, ...]


def score_trial(
    model: nn.Module,
    data: TrialData,
    *,
    tiling: Tiling | None,
    pure: PatchIndex | None,
    draw: Draw = draw_nothing,
    look: Look = lambda outputs, labels: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> TrialScores:
    """Scores scene after scene; reading, counting and drawing go on while the network computes.

    The network is on the device of `data`, and is put in eval mode. `tiling` is from `tiling_for`, `pure` are the pure
    patches of the test scenes; None for a pixel-based trial. `look` is that of `score_scenes`. `progress` is called
    with scenes done and their total.
    """
    patches = {} if pure is None else by_scene(pure)
    maps: list[Path] = []

    def open_one(record: SceneRecord) -> SceneToScore:
        inputs = data.inputs.scene(record.scene_id)
        return open_scene(inputs, data.lake, record, data.spec, patches.get(record.scene_id))

    def finish(score: SceneScore) -> ScoredScene:
        maps.extend(draw(score))
        return score.record, score.matrices

    scored: list[ScoredScene] = []
    for scene in score_scenes(model, data.scenes.test, open_one, data.spec, tiling, finish, look):
        scored.append(scene)
        progress(len(scored), len(data.scenes.test))
    return TrialScores(matrices=sum_bins(scored), scenes=scene_rows(scored), maps=tuple(maps))


@dataclass(frozen=True, kw_only=True)
class NetworkScores:
    """Scores and calibration of a network, the metrics of both, and the scenes of its training and test.

    Calibration is by chart; one that is a regression has none.
    """

    scores: TrialScores
    calibration: Mapping[str, ChartCalibration]
    trained_on: SceneSet
    tested_on: SceneSet
    metrics: Mapping[str, float]

    def result(self, metrics: Mapping[str, float], **known: Any) -> TrialResult:  # noqa: ANN401 (fields of the result)
        """The result of a trial with these scores, further metrics, and what else is known of it."""
        return TrialResult(
            metrics={**self.metrics, **metrics},
            matrices={name: matrix.to_lists() for name, matrix in self.scores.matrices.items()},
            scenes=self.scores.scenes,
            trained_on=self.trained_on,
            tested_on=self.tested_on,
            **known,
        )


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

    Arguments are those of `score_trial`; the pure patches are None for a pixel-based trial.

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
