"""Scores of a trained network on all test scenes of its trial."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from datasets.patches.patch_index import PatchIndex
from datasets.scene import SceneRecord
from training.data.scene_set import SceneSet
from training.data.trial_data import TrialData
from training.evaluation.bins import ScoredScene, ScoreKey, sum_bins
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.metrics import metrics_of
from training.evaluation.result import SceneRow, scene_rows
from training.evaluation.score_scenes import (
    Look,
    SceneScore,
    SceneToScore,
    by_scene,
    look_at_nothing,
    open_scene,
    score_scenes,
)
from training.evaluation.tiles import Tiling
from training.spec import TrialSpec

Draw = Callable[[SceneScore], list[Path]]
"""Draws pictures of a scored scene and returns their paths."""


def draw_nothing(score: SceneScore) -> list[Path]:
    """No pictures."""
    return []


@dataclass(frozen=True, kw_only=True)
class TrialScores:
    """What the test scenes gave: matrices by grid, chart and bin, rows of every scene, and pictures (`maps`)."""

    matrices: Mapping[ScoreKey, ConfusionMatrix]
    scenes: tuple[SceneRow, ...]
    maps: tuple[Path, ...]

    def metrics(self, spec: TrialSpec, trained_on: SceneSet) -> dict[str, float]:
        """Test scores by the names of the tracker, of a trial with these training scenes; see `metrics_of`."""
        terms = spec.loop.monitor == "score"
        return metrics_of(self.matrices, spec.data.targets, unseen=trained_on.absent, terms=terms)


def score_trial(
    model: nn.Module,
    data: TrialData,
    *,
    tiling: Tiling | None,
    pure: PatchIndex | None,
    draw: Draw = draw_nothing,
    look: Look = look_at_nothing,
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
