"""Scores on the val scenes after an epoch: whole scenes tile by tile, or all their pure patches."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from datasets.errors import SplitError
from training.data.trial_data import TrialData
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.metrics import combined_score
from training.evaluation.predict import outputs_of, predict_tiles
from training.evaluation.tiles import Tiling
from training.loop.epoch import ValScores
from training.loop.losses import Loss, LossSums
from training.models.heads import Head, heads_of


def validate(model: nn.Module, data: TrialData, loss: Loss, tiling: Tiling | None) -> ValScores:
    """Loss and scores over all val scenes together, counted by all processes of the trial.

    Args:
        model: The network; put in eval mode.
        data: Of the trial.
        loss: Of the trial.
        tiling: How whole scenes are cut; None for a patch-based network, which is scored on pure patches.

    Raises:
        SplitError: No val scene has a labelled pixel, or no pure patch.
    """
    heads = heads_of(data.spec)
    model.eval()
    own = ValSums.zero(heads)
    for outputs, labels in _patches(model, data) if tiling is None else _tiles(model, data, tiling):
        own = own + ValSums.of(outputs, labels, loss, heads)
    total = sum(data.processes.gather(own), ValSums.zero(heads))
    first = total.matrices[heads[0].chart.name]
    if first.n == 0:
        raise SplitError(
            f"no val scene has a labelled pixel in {heads[0].chart.name}, so there is no val loss to stop by: choose "
            "other val scenes"
        )
    scores = first.metrics()
    return ValScores(
        loss=loss.value(total.loss).item(),
        f1=scores.f1,
        f1_macro=scores.f1_macro,
        accuracy=scores.accuracy,
        score=combined_score(total.matrices),
    )


@dataclass(frozen=True, kw_only=True)
class ValSums:
    """What adds up over tiles, scenes and processes.

    Attributes:
        loss: Sums of the loss, float64 on the CPU.
        matrices: Confusion matrix of each chart.
    """

    loss: LossSums
    matrices: Mapping[str, ConfusionMatrix]

    @classmethod
    def zero(cls, heads: Sequence[Head]) -> "ValSums":
        """Of nothing."""
        return cls(
            loss=LossSums.zero(heads),
            matrices={head.chart.name: ConfusionMatrix.zero(head.chart.n_classes) for head in heads},
        )

    @classmethod
    def of(cls, outputs: torch.Tensor, labels: NDArray[np.uint8], loss: Loss, heads: Sequence[Head]) -> "ValSums":
        """Of outputs (B, K, ...) and labels (B, T, ...) uint8, 255 = no label."""
        matrices = {}
        for place, head in enumerate(heads):
            classes = head.classes(outputs).cpu().numpy()
            matrices[head.chart.name] = ConfusionMatrix.from_arrays(labels[:, place], classes, head.chart.n_classes)
        return cls(loss=loss.sums(outputs, torch.from_numpy(labels).to(outputs.device)).double(), matrices=matrices)

    def __add__(self, other: "ValSums") -> "ValSums":
        matrices = {name: matrix + other.matrices[name] for name, matrix in self.matrices.items()}
        return ValSums(loss=self.loss + other.loss, matrices=matrices)


def _tiles(model: nn.Module, data: TrialData, tiling: Tiling) -> Iterator[tuple[torch.Tensor, NDArray[np.uint8]]]:
    """Outputs (1, K, h, w) and labels (1, T, h, w) of every tile of this process's scenes."""
    for scene_id in data.scenes.val.scene_ids[data.processes.rank :: data.processes.world]:
        for tile in predict_tiles(model, data.inputs(scene_id), tiling):
            yield tile.outputs_KHW[None], data.reader.labels(scene_id, tile.lines, tile.samples)[None]


def _patches(model: nn.Module, data: TrialData) -> Iterator[tuple[torch.Tensor, NDArray[np.uint8]]]:
    for x_BCHW, y_B1 in data.val_patches():
        yield outputs_of(model, x_BCHW), y_B1.cpu().numpy()
