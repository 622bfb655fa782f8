"""`run_trial`: one training from spec to scores. Everything else in this package is a part of it.

check -> data -> network -> train (keeps the best weights and its state on disk) -> score -> files -> tracker
"""

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch

from datasets.class_colours import Palette
from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from training.artifacts.maps import map_drawer
from training.artifacts.trial_files import log_trial_files, write_trial_files
from training.artifacts.trial_folder import claim
from training.checked_trial import check_trial
from training.data.dataset_notes import dataset_notes
from training.data.scene_set import scene_set
from training.data.training_batches import warn_of_missing
from training.evaluation.result import TrialResult
from training.evaluation.score_network import score_network
from training.evaluation.score_scenes import tiling_for
from training.evaluation.val_precision import dtype_name, val_precision_of
from training.fit import fit, loss_of, val_scores
from training.loop.checkpoint import Checkpoint, fits, load_checkpoint, load_progress, save_checkpoint, save_progress
from training.loop.checkpoint_files import BEST, LAST
from training.loop.cost import Clock, cost_of, forget_peak
from training.loop.epoch import EpochRow, Scored, TrainingProgress, TrialOverview
from training.loop.machine import versions_of
from training.loop.precision import whole_float32
from training.loop.processes import Processes
from training.loop.trainer import FitState
from training.models import build_network
from training.spec import TrialSpec
from training.tracking.tracker import Tracker, lake_tags, record_failure

logger = logging.getLogger(__name__)


def run_trial(
    spec: TrialSpec,
    lake: Lake,
    tracker: Tracker,
    *,
    folder: Path | None = None,
    overwrite: bool = False,
    workers: int = 0,
    cache: NodeCache | None = None,
    begin: Callable[[TrialOverview], None] = lambda _: None,
    gpu_share: float = 1.0,
    palette: Palette = "safe",
    progress: Callable[[TrainingProgress], None] = lambda _: None,
    scored: Scored = lambda split, done, total: None,
    held: Callable[[int, int], None] = lambda done, total: None,
) -> TrialResult:
    """Trains and scores one network.

    All that is random follows from `spec.seed`. The same spec, lake, software, CPU and number of threads give the same
    numbers; on a GPU they agree up to the order of its sums, and float32 is float32 there (no TF32). A trial that was
    stopped goes on after its last whole epoch when it is run again in the same folder, and ends with the same numbers.

    A spec that is not bound to a lake becomes a trial of this one. The tracker is told of everything; its record ends
    FINISHED, FAILED or KILLED. Checkpoints, pictures and result.json go to the folder; by default a new temporary one.
    With `overwrite` what another trial left there is removed first, and this one starts from its beginning.
    `workers` are loader processes (`datasets.loading.workers.loader_workers` says how many); 0 loads in this one.
    They change the speed, not the numbers, and so does `gpu_share`, the part of its GPU that the trial may take; 0
    computes on the CPU.
    `palette` are the colours of classes in maps. `begin` is called once before training, `held` after every scene
    that the device takes for `loop.feed`, `progress` after every batch and every epoch, and `scored` after every
    whole scene (or batch of pure patches) that is scored.

    Raises:
        SpecError: The spec does not fit the lake, or names a network that does not exist; nothing was started.
        SplitError: A split has no usable scene or patch; nothing was started.
        TrialFolderError: The folder holds another trial; nothing was started.
        OutputFolderError: The folder cannot be made or written; nothing was started.
        CheckpointError: The folder holds a checkpoint of another trial, or one that cannot be read.
        TrackingError: The tracking URI can never be used; nothing was started.
        OutboxError: The outbox of the tracker cannot be written; nothing was started.
        NonFiniteLossError: The loss became infinite or not a number.
        LoaderError: A loader worker died or could not hand over a batch.
        DeviceMemoryError: The GPU has no memory for the training, or for scoring a scene.
    """
    started = Clock.now()
    trial = check_trial(spec, lake, workers, cache, gpu_share)
    data, spec, device = trial.data, trial.data.spec, trial.data.inputs.device
    forget_peak(device)
    warn_of_missing(trial.source)
    for name, words in scene_set(data.scenes.train, spec.data.targets).absent.items():
        logger.warning("no training scene has %s in %s: the network cannot learn it", " or ".join(words), name)
    folder = folder or Path(tempfile.mkdtemp(prefix=f"icebench-{spec.trial_id}-"))
    tracker.check()
    claim(folder, spec, overwrite=overwrite)
    earlier = load_progress(folder / LAST, spec.trial_id)
    if earlier is not None and not fits(folder / BEST, earlier):
        logger.warning("%s is of another epoch than %s says was best: the trial begins from its start", BEST, LAST)
        earlier = None
    tracker.start(spec, lake_tags(lake, data.scenes.test))

    def log_epoch(row: EpochRow) -> None:
        tracker.log_metrics(row.metrics(), row.epoch)

    def keep(state: FitState, is_best: bool) -> None:
        if is_best:
            normalization = data.inputs.normalization
            kept = Checkpoint(spec=spec, normalization=normalization, epoch=state.best_epoch, state=state.weights)
            save_checkpoint(folder / BEST, kept)
        save_progress(folder / LAST, spec.trial_id, state)
        log_epoch(state.history[-1])

    try:
        tracker.log_text(spec.to_yaml(), "spec.yaml")
        for note in dataset_notes(data):
            tracker.log_dataset(note)
        for row in earlier.history if earlier is not None else ():  # the record of this attempt is whole, too
            log_epoch(row)

        with _reproducible(spec.seed, device):
            model = build_network(spec)
            begin(trial.overview(model))
            tiling = tiling_for(model, spec, data.scenes.longest_side(spec.data.ratio))
            trial.load(held)
            trained = fit(model, trial, tiling, earlier, keep=keep, progress=progress, scored=scored)
            best = load_checkpoint(folder / BEST)
            draw = map_drawer(spec, lake, folder / "maps", palette)
            network = best.model().to(device)
            best_row = trained.history[trained.best_epoch]
            chosen_in = val_precision_of(spec, device)
            if chosen_in != torch.float32:  # what is told of the epoch is of float32, whatever chose it
                again = val_scores(network, trial, loss_of(trial), tiling, Processes(), scored)
                best_row = best_row.model_copy(update={f"val_{name}": value for name, value in again})
            found = score_network(
                network,
                data,
                tiling=tiling,
                val_patches=trial.val_patches,
                test_patches=trial.test_patches,
                draw=draw,
                progress=partial(scored, "test"),
            )

        result = found.result(
            {
                "best/epoch": float(best_row.epoch),
                "best/val_loss": best_row.val_loss,
                "best/val_f1": best_row.val_f1,
                **cost_of(model, trained.history, started, device, trial.processes.world),
            },
            trial_id=spec.trial_id,
            best_epoch=trained.best_epoch,
            epochs=len(trained.history),
            checkpoint=str(folder / BEST),
            seconds=started.seconds(),
            versions=versions_of(device),
            val_precision=dtype_name(chosen_in),
        )
        tracker.log_metrics(result.metrics)
        files = write_trial_files(folder, spec, result, found, trained)
        log_trial_files(tracker, files, best)
        tracker.finish("FINISHED")
        (folder / LAST).unlink()  # it has three times the size of the weights and is not needed any more
    except BaseException as error:
        record_failure(tracker, error)
        raise
    return result


def join_trial(
    spec: TrialSpec,
    lake: Lake,
    *,
    workers: int = 0,
    cache: NodeCache | None = None,
    gpu_share: float = 1.0,
    progress: Callable[[TrainingProgress], None] = lambda _: None,
) -> None:
    """Runs a trial's further processes, beside the first one; see `training.loop.processes`.

    It has those arguments of the first that decide numbers and speed, takes its part of every batch and of the val
    scenes, and writes nothing.
    """
    trial = check_trial(spec, lake, workers, cache, gpu_share)
    spec = trial.data.spec
    with _reproducible(spec.seed, trial.data.inputs.device):
        model = build_network(spec)
        tiling = tiling_for(model, spec, trial.data.scenes.longest_side(spec.data.ratio))
        trial.load()
        fit(model, trial, tiling, progress=progress)


@contextmanager
def _reproducible(seed: int, device: torch.device) -> Iterator[None]:
    """Seeds torch (weights; patches have generators of their own); on the CPU admits only deterministic kernels.

    On a GPU float32 is float32, in training and scoring.
    """
    before, warn_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    torch.manual_seed(seed)
    if device.type == "cpu":  # on a GPU the loss over pixels has no deterministic kernel and would raise
        torch.use_deterministic_algorithms(True)
    try:
        with whole_float32():
            yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warn_only)
