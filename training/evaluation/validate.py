"""Scores on the val scenes after an epoch: whole scenes tile by tile, or all their pure patches."""

from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Final

import torch
from torch import nn

from datasets.errors import SplitError
from datasets.patches.indexed_patches import windows_of
from datasets.patches.patch_index import PatchIndex
from training.data.trial_data import TrialData
from training.evaluation.confusion import ConfusionMatrix
from training.evaluation.metrics import combined_score
from training.evaluation.predict import LabelledOutputs, labelled_tiles, outputs_of
from training.evaluation.tiles import Tiling
from training.loop.epoch import ValScores
from training.loop.losses import Loss, LossSums
from training.loop.processes import Processes
from training.models.heads import heads_of

_BYTE: Final = 256
"""Values of a uint8."""


def validate(
    model: nn.Module,
    data: TrialData,
    loss: Loss,
    scored_on: Tiling | PatchIndex,
    processes: Processes,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ValScores:
    """Loss and scores over all val scenes together, counted by all processes of the trial.

    `scored_on` says how whole scenes are cut (pixel-based), or is the pure patches of the val scenes (patch-based). The
    network is put in eval mode. `progress` is called with this process's scenes (or patches) done and their total.

    Raises:
        SplitError: No val scene has a labelled pixel.
    """
    heads = heads_of(data.spec)
    model.eval()
    if isinstance(scored_on, Tiling):
        answers = _tiles(model, data, scored_on, processes, progress)
    else:
        answers = _patches(model, data, scored_on, processes, progress)
    own_loss = LossSums.zero(heads)
    pairs = torch.zeros(len(heads), _BYTE**2, dtype=torch.int64, device=data.inputs.device)
    for outputs, labels in answers:
        own_loss += loss.sums(outputs, labels).double()
        for place, head in enumerate(heads):  # counted on the device: rasters of classes need not leave it
            pair = labels[:, place].int() * _BYTE + head.classes(outputs)
            pairs[place] += torch.bincount(pair.flatten(), minlength=_BYTE**2)
    counted = pairs.view(-1, _BYTE, _BYTE).cpu().numpy()
    own_matrices = [
        ConfusionMatrix.from_pairs(own, head.chart.n_classes) for own, head in zip(counted, heads, strict=True)
    ]
    losses, matrices = zip(*processes.gather((own_loss, own_matrices)), strict=True)
    total_loss, totals = reduce(add, losses), [reduce(add, own) for own in zip(*matrices, strict=True)]
    if totals[0].n == 0:
        raise SplitError(
            f"no val scene has a labelled pixel in {heads[0].chart.name}, so there is no val loss to stop by: choose "
            "other val scenes"
        )
    scores = totals[0].metrics()
    return ValScores(
        loss=loss.value(total_loss).item(),
        f1=scores.f1,
        f1_macro=scores.f1_macro,
        accuracy=scores.accuracy,
        score=combined_score({head.chart.name: total for head, total in zip(heads, totals, strict=True)}),
    )


def _tiles(
    model: nn.Module, data: TrialData, tiling: Tiling, processes: Processes, progress: Callable[[int, int], None]
) -> LabelledOutputs:
    """Every tile of this process's scenes, (1, K, h, w) and (1, T, h, w)."""
    scene_ids = data.scenes.val.scene_ids[processes.rank :: processes.world]
    for done, scene_id in enumerate(scene_ids, start=1):
        yield from labelled_tiles(model, data.inputs.scene(scene_id), tiling)
        progress(done, len(scene_ids))


def _patches(
    model: nn.Module, data: TrialData, index: PatchIndex, processes: Processes, progress: Callable[[int, int], None]
) -> LabelledOutputs:
    """Batches of this process's part of the pure patches, in order, (B, K) and (B, 1)."""
    inputs, size = data.inputs, data.spec.loop.batch_size
    for start in range(processes.rank * size, len(index), processes.world * size):
        rows = slice(start, min(start + size, len(index)))
        labels = torch.from_numpy(index.label[rows, None].copy()).to(inputs.device)
        yield outputs_of(model, inputs.patches(windows_of(index, rows), index.rule.patch_size)), labels
        progress(rows.stop, len(index))
