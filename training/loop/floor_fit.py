"""Fits a floor (`training.models.floors`) on pixels of the patches that a network would be trained on."""

from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from datasets.errors import SplitError
from datasets.labels import IGNORE
from training.loop.epoch import EpochRow, TrainingProgress, ValScores
from training.loop.trainer import FitState, TrainingData, copy_weights
from training.models.floors import Floor

PIXELS: Final = 400_000
"""Labelled pixels that a floor is fitted on at most."""
_OF_PATCH: Final = 64
"""Of one patch at most: pixels beside each other say the same."""


def fit_floor(
    model: Floor,
    data: TrainingData,
    validate: Callable[[nn.Module], ValScores],
    *,
    seed: int,
    device: torch.device,
    state: FitState | None = None,
    keep: Callable[[FitState, bool], None] = lambda state, is_best: None,
    progress: Callable[[TrainingProgress], None] = lambda _: None,
) -> FitState:
    """Fits the floor once, and validates it: a training of one epoch, with the arguments of `Trainer.fit`.

    Raises:
        SplitError: The patches of the epoch have no labelled pixel.
    """
    model.to(device)
    if state is not None and state.history:
        model.load_state_dict(state.weights)
        return state
    x_NC, y_N = draw_pixels(data, seed, progress)
    model.cpu().fit(x_NC, y_N, seed)
    model.to(device)
    scores = validate(model)
    row = EpochRow(
        epoch=0,
        lr=0.0,
        train_loss=_loss(model, x_NC, y_N, device),
        **{f"val_{name}": value for name, value in scores},
        patches_per_second=0.0,
        data_wait_share=0.0,
        bytes_per_patch=0.0,
    )
    done = FitState(history=[row], best_epoch=0, weights=copy_weights(model))
    keep(done, True)
    progress(TrainingProgress(epoch=0, batch=len(data), batches=len(data), loss=row.train_loss, row=row))
    return done


def draw_pixels(
    data: TrainingData, seed: int, progress: Callable[[TrainingProgress], None] = lambda _: None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Inputs (n, C) float32 and classes (n,) int64 of labelled pixels, drawn from the patches of the first epoch."""
    rng = np.random.default_rng(seed)
    inputs, classes, count = [], [], 0
    for number, batch in enumerate(data.epoch(0)):
        x_BCHW, y_BTHW = (each.cpu() for each in data.prepare(batch, 0, number))
        for x_CHW, y_HW in zip(x_BCHW.numpy(), y_BTHW[:, 0].numpy(), strict=True):
            known = np.flatnonzero(y_HW.ravel() != IGNORE)
            some = rng.choice(known, min(_OF_PATCH, known.size), replace=False)
            inputs.append(x_CHW.reshape(len(x_CHW), -1)[:, some].T.astype(np.float32))
            classes.append(y_HW.ravel()[some].astype(np.int64))
            count += some.size
        progress(TrainingProgress(epoch=0, batch=number + 1, batches=len(data), loss=0.0))
        if count >= PIXELS:
            break
    if not count:
        raise SplitError("the training patches have no labelled pixel to fit a floor on: choose other training scenes")
    return np.concatenate(inputs)[:PIXELS], np.concatenate(classes)[:PIXELS]


@torch.no_grad()
def _loss(model: Floor, x_NC: NDArray[np.float32], y_N: NDArray[np.int64], device: torch.device) -> float:
    """Cross-entropy of the pixels that it was fitted on."""
    logits_1KN1 = model(torch.from_numpy(x_NC.T.copy())[None, :, :, None].to(device))
    return nn.functional.cross_entropy(logits_1KN1[0, :, :, 0].T, torch.from_numpy(y_N).to(device)).item()
