"""`fit`: loss, optimizer and validation of a trial put together, and its epochs run; `val_scores` of one network."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from datasets.loading.hand_over import worker_deaths
from training.checked_trial import CheckedTrial
from training.data.class_weights import class_weights
from training.evaluation.tiles import Tiling
from training.evaluation.val_precision import InPrecision, val_precision_of
from training.evaluation.validate import validate
from training.loop.device_memory import memory_of, to_score, to_train
from training.loop.epoch import Scored, TrainingProgress, ValScores
from training.loop.floor_fit import fit_floor
from training.loop.losses import Loss
from training.loop.processes import Processes
from training.loop.trainer import FitState, Trainer
from training.models.floors import Floor
from training.models.heads import heads_of


def fit(
    model: nn.Module,
    trial: CheckedTrial,
    tiling: Tiling | None,
    earlier: FitState | None = None,
    *,
    keep: Callable[[FitState, bool], None] = lambda state, is_best: None,
    progress: Callable[[TrainingProgress], None],
    scored: Scored = lambda split, done, total: None,
) -> FitState:
    """Trains the network of a trial, every epoch followed by its val score; see `run_trial` for what is reported.

    Args:
        model: As `build_network` made it; it holds the weights of the last epoch afterwards.
        trial: Its data are ready, see `CheckedTrial.load`.
        tiling: Of val scenes; None scores the pure patches of val.
        earlier: What a stopped attempt had reached.
        keep: Takes the state after each epoch, and whether that epoch is the best so far.
        progress: Called after every batch and every epoch.
        scored: Called after every val scene (or batch of pure patches).
    """
    spec, processes, device = trial.data.spec, trial.processes, trial.data.inputs.device
    loss = loss_of(trial)
    validated = partial(val_scores, trial=trial, loss=loss, tiling=tiling, processes=processes, scored=scored)
    if isinstance(model, Floor):
        return fit_floor(
            model, trial.batches, validated, seed=spec.seed, device=device, state=earlier, keep=keep, progress=progress
        )
    with memory_of(device, "train", to_train(spec)), worker_deaths():
        trainer = Trainer(
            model,
            loss,
            loop=spec.loop,
            optimizer=spec.optimizer,
            network=spec.model,
            batches_per_epoch=len(trial.batches),
            seed=spec.seed,
            device=device,
            processes=processes,
        )
        precision = val_precision_of(spec, device)

        def seen(network: nn.Module) -> ValScores:
            return validated(network if precision == torch.float32 else InPrecision(network, precision))

        return trainer.fit(trial.batches, seen, state=processes.share(earlier), keep=keep, progress=progress)


def loss_of(trial: CheckedTrial) -> Loss:
    """What the networks of a trial are trained and validated by."""
    data, spec = trial.data, trial.data.spec
    return Loss(spec.loss, heads_of(spec), class_weights(spec, data.scenes.train, trial.source))


def val_scores(
    network: nn.Module,
    trial: CheckedTrial,
    loss: Loss,
    tiling: Tiling | None,
    processes: Processes,
    scored: Scored = lambda split, done, total: None,
) -> ValScores:
    """Scores of a network on the val scenes as the trial's processes count them; arguments are those of `fit`."""
    spec = trial.data.spec
    scored_on = tiling or trial.val_patches
    assert scored_on is not None  # whole scenes in tiles, or pure patches
    with memory_of(trial.data.inputs.device, "score a val scene", to_score(spec)):
        return validate(network, trial.data, loss, scored_on, processes, partial(scored, "val"))
