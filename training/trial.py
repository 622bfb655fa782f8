"""`run_trial`: one training from spec to scores. Everything else in this package is a part of it.

check -> seed -> train (keeps the best weights and where it stands on disk) -> load the best -> score -> pictures
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from datasets.loading.normalize import Normalization
from training.artifacts.maps import map_drawer
from training.artifacts.trial_files import hand_in
from training.data.trial_data import TrainingPatches, TrialData
from training.data.trial_scenes import bind, select_scenes
from training.evaluation.metrics import metrics_of
from training.evaluation.result import TrialResult
from training.evaluation.score_scenes import tiling_for
from training.evaluation.score_trial import score_trial
from training.evaluation.validate import validate
from training.loop.checkpoint import Checkpoint, load_checkpoint, load_progress, save_checkpoint, save_progress
from training.loop.checkpoint_files import BEST, LAST
from training.loop.cost import Clock, cost_of
from training.loop.epoch import EpochRow, Progress
from training.loop.losses import Loss
from training.loop.machine import best_device, versions_of
from training.loop.processes import Processes
from training.loop.trainer import FitState, Trainer
from training.models import build_model, check_network
from training.models.heads import heads_of, n_outputs
from training.spec import SpecError, TrialSpec
from training.tracking.tracker import Tracker, give_up


def run_trial(
    spec: TrialSpec,
    lake: Lake,
    tracker: Tracker,
    *,
    folder: Path | None = None,
    workers: int = 0,
    cache: NodeCache | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> TrialResult:
    """Trains and scores one network.

    All that is random follows from `spec.seed`. The same spec, lake, software, CPU and number of threads give the same
    numbers; on a GPU they agree up to the order of its sums. A trial that was stopped goes on after its last whole
    epoch when it is run again in the same folder, and ends with the same numbers.

    Args:
        spec: What to do. A spec that is not bound to a lake becomes a trial of this one.
        lake: The data.
        tracker: Told of everything; its record ends FINISHED, FAILED or KILLED.
        folder: For checkpoints, pictures and result.json; by default a new temporary folder.
        workers: Loader processes; 0 loads in this one. They change the speed, not the numbers. See
            `datasets.loading.workers.loader_workers` for how many.
        cache: Decoded arrays that the trials of this node share; None reads from the lake.
        progress: Called after every batch and every epoch.

    Raises:
        SpecError: The spec does not fit the lake, or asks for a network that does not exist; nothing was started.
        SplitError: A split has no usable scene or patch; nothing was started.
        CheckpointError: The folder holds another trial.
        TrackingError: The tracking URI can never be used; nothing was started.
        NonFiniteLossError: Training went astray.
    """
    started = Clock.now()
    data = _prepare(spec, lake, workers, cache)
    spec = data.spec
    folder = folder or Path(tempfile.mkdtemp(prefix=f"icebench-{spec.trial_id}-"))
    earlier = load_progress(folder / LAST, spec.trial_id)
    patches = data.training()
    tracker.start(spec, {"recipe": lake.recipe_digest, "lake": lake.digest})

    try:
        folder.mkdir(parents=True, exist_ok=True)
        tracker.log_text(spec.to_yaml(), "spec.yaml")
        for note in data.notes():
            tracker.log_dataset(note)
        for row in earlier.history if earlier is not None else ():  # this attempt's record is whole, too
            tracker.log_metrics(row.metrics(), row.epoch)
        with _reproducible(spec.seed, data.device):
            model = _build(spec)
            trained = _train(
                model,
                data,
                patches,
                earlier,
                folder,
                log=lambda row: tracker.log_metrics(row.metrics(), row.epoch),
                progress=progress,
            )
            best = load_checkpoint(folder / BEST)
            scored = score_trial(best.model().to(data.device), data, map_drawer(spec, lake, folder / "maps"))

        kept = trained.history[trained.best_epoch]
        result = TrialResult(
            trial_id=spec.trial_id,
            metrics={
                **metrics_of(scored.matrices, spec.data.targets),
                "best/epoch": float(kept.epoch),
                "best/val_loss": kept.val_loss,
                "best/val_f1": kept.val_f1,
                **cost_of(model, trained.history, started, data.device, data.processes.world),
            },
            matrices={name: matrix.to_lists() for name, matrix in scored.matrices.items()},
            scenes=scored.scenes,
            best_epoch=trained.best_epoch,
            epochs=len(trained.history),
            checkpoint=str(folder / BEST),
            seconds=started.seconds(),
            versions=versions_of(data.device),
        )
        tracker.log_metrics(result.metrics)
        hand_in(
            tracker,
            folder,
            result=result,
            spec=spec,
            sums=scored.matrices,
            trained=trained,
            maps=scored.maps,
            best=best,
        )
        tracker.finish("FINISHED")
        (folder / LAST).unlink()  # thrice the weights, and nothing to go on with
    except BaseException as error:
        give_up(tracker, error)
        raise
    return result


def assist_trial(
    spec: TrialSpec,
    lake: Lake,
    *,
    workers: int = 0,
    cache: NodeCache | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> None:
    """Trains along in a process that is not the first of its trial; see `training.loop.processes`.

    It has the same arguments as the first, takes its part of every batch and of the val scenes, and writes nothing.
    """
    data = _prepare(spec, lake, workers, cache)
    with _reproducible(data.spec.seed, data.device):
        _train(_build(data.spec), data, data.training(), None, None, log=lambda _: None, progress=progress)


def _prepare(spec: TrialSpec, lake: Lake, workers: int, cache: NodeCache | None) -> TrialData:
    """Everything that can be wrong with a spec shows here, before anything is started."""
    spec = bind(spec, lake)
    scenes = select_scenes(spec, lake)
    check_network(spec)
    processes = Processes.current()
    if spec.loop.batch_size < processes.world:
        raise SpecError(
            f"loop.batch_size = {spec.loop.batch_size} is not allowed with {processes.world} processes: each needs a "
            "patch of every batch; use larger batches or fewer processes"
        )
    return TrialData(
        spec=spec,
        lake=lake,
        scenes=scenes,
        normalization=Normalization.from_lake(
            lake, spec.data.channels, spec.data.ratio, scene_average=spec.data.statistics == "scene_average"
        ),
        device=best_device(),
        processes=processes,
        cache=cache,
        workers=workers,
    )


def _train(
    model: nn.Module,
    data: TrialData,
    patches: TrainingPatches,
    earlier: FitState | None,
    folder: Path | None,
    *,
    log: Callable[[EpochRow], None],
    progress: Callable[[Progress], None],
) -> FitState:
    spec = data.spec
    loss = Loss(spec.loss, heads_of(spec), data.class_weights())
    trainer = Trainer(
        model,
        loss,
        loop=spec.loop,
        optimizer=spec.optimizer,
        batches_per_epoch=len(patches),
        seed=spec.seed,
        device=data.device,
        processes=data.processes,
    )
    tiling = tiling_for(model, spec, data.longest_side)

    def keep(state: FitState, is_best: bool) -> None:
        if folder is None:
            return
        if is_best:
            kept = Checkpoint(spec=spec, normalization=data.normalization, epoch=state.best_epoch, state=state.weights)
            save_checkpoint(folder / BEST, kept)
        save_progress(folder / LAST, spec.trial_id, state)

    return trainer.fit(
        patches,
        lambda network: validate(network, data, loss, tiling),
        state=data.processes.share(earlier),
        log=log,
        keep=keep,
        progress=progress,
    )


def _build(spec: TrialSpec) -> nn.Module:
    return build_model(spec.model, task=spec.data.task, in_channels=len(spec.data.channels), n_outputs=n_outputs(spec))


@contextmanager
def _reproducible(seed: int, device: torch.device) -> Iterator[None]:
    """Seeds torch (weights; patches have generators of their own); on the CPU admits only deterministic kernels."""
    before, warn_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    torch.manual_seed(seed)
    if device.type == "cpu":  # on a GPU the loss over pixels has no deterministic kernel and would raise
        torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn_only)
