"""Scores of a trained network on all test scenes of its trial, with a map of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import nn

from datasets.scene import SceneRecord
from training.data import TrialData
from training.evaluation.bins import Scored, scene_rows, sum_bins
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.evaluate import Patches, SceneScore, SceneToScore, open_scene, score_scenes, tiling_for
from training.hand_in import draw_maps, has_sar
from training.result import SceneRow


@dataclass(frozen=True, kw_only=True)
class TrialScores:
    """What the test scenes gave.

    Attributes:
        matrices: Confusion matrices by `<grid>/<chart>/<bin>`.
        scenes: One row a scene, grid and chart.
        maps: Pictures of the scenes.
    """

    matrices: Mapping[str, ConfusionMatrix]
    scenes: tuple[SceneRow, ...]
    maps: tuple[Path, ...]


def score_trial(model: nn.Module, data: TrialData, maps: Path) -> TrialScores:
    """Scores scene after scene; reading, counting and drawing go on while the network computes.

    Args:
        model: On the device of `data`; put in eval mode.
        data: Of the trial.
        maps: Folder for the pictures; there are none where the lake has no SAR at the trial's ratio.

    Raises:
        SplitError: A patch-based trial finds no pure patch in the test scenes.
    """
    spec, lake = data.spec, data.lake
    drawable = has_sar(lake, spec.data.ratio)
    patches = _patches_by_scene(data) if spec.data.task == "classification" else {}

    def open_one(record: SceneRecord) -> SceneToScore:
        return open_scene(data.inputs(record.scene_id), lake, record, spec, patches.get(record.scene_id))

    def finish(score: SceneScore) -> tuple[Scored, list[Path]]:
        return (score.record, score.matrices), draw_maps(score, spec, lake, maps) if drawable else []

    tiling = tiling_for(model, spec, data.longest_side)
    done = list(score_scenes(model, data.scenes.test, open_one, spec, tiling, finish))
    scored = [each for each, _ in done]
    return TrialScores(
        matrices=sum_bins(scored), scenes=scene_rows(scored), maps=tuple(path for _, drawn in done for path in drawn)
    )


def _patches_by_scene(data: TrialData) -> dict[str, Patches]:
    index = data.test_index
    found = {}
    for place, scene_id in enumerate(index.scene_ids):
        rows = np.flatnonzero(index.scene == place)
        corners = np.stack([index.line[rows], index.sample[rows]], axis=1)
        found[scene_id] = Patches(corners=corners, labels=index.label[rows])
    return found
