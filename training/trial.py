"""`run_trial`: one training from spec to scores. Everything else in this package is a part of it.

check -> seed -> train (keeps the best weights on disk) -> load the best -> score test scenes -> pictures -> result
"""

import logging
import platform
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import nn

from datasets.catalog import Catalog
from datasets.labels import chart
from datasets.lake import Lake
from datasets.loaders import CropDataset, SceneTensors, crop_loader, load_scene
from datasets.normalize import Normalization
from training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from training.confusion import ConfusionMatrix
from training.evaluate import metrics_of, score_scene, sum_bins
from training.hand_in import SAR, draw_map, hand_in
from training.heads import n_outputs
from training.loop import EpochRow, FitResult, Progress, fit
from training.models import build_model, check_network, count_parameters
from training.result import TrialResult
from training.scenes import TrialScenes, bind, select_scenes
from training.spec import TrialSpec
from training.tracker import Tracker
from training.tracking_server import TrackingError

logger = logging.getLogger(__name__)


def run_trial(
    spec: TrialSpec,
    lake: Lake,
    tracker: Tracker,
    *,
    folder: Path | None = None,
    workers: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> TrialResult:
    """Trains and scores one network.

    All that is random follows from `spec.seed`. The same spec, lake, software, CPU and number of threads give the same
    numbers; on a GPU they agree up to the order of its sums.

    Args:
        spec: What to do. A spec that is not bound to a lake becomes a trial of this one.
        lake: The data.
        tracker: Told of everything; its record ends FINISHED, FAILED or KILLED.
        folder: For checkpoint, pictures and result.json; by default a new temporary folder.
        workers: Loader processes; 0 loads in this one. They change the speed, not the numbers.
        progress: Called after every batch and every epoch.

    Raises:
        SpecError: The spec does not fit the lake, or asks for a network that does not exist; nothing was started.
        SplitError: A split has no usable scene; nothing was started.
        TrackingError: The tracking server is away; at the start nothing else has happened.
        NonFiniteLossError: Training went astray.
    """
    started = time.perf_counter()
    spec = bind(spec, lake)
    scenes = select_scenes(spec, lake)
    check_network(spec)
    normalization = Normalization.from_lake(lake, spec.data.channels, spec.data.ratio)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tracker.start(spec, {"recipe": lake.recipe_digest, "lake": lake.digest})

    try:
        folder = folder or Path(tempfile.mkdtemp(prefix=f"icebench-{spec.trial_id}-"))
        folder.mkdir(parents=True, exist_ok=True)
        tracker.log_text(spec.to_yaml(), "spec.yaml")
        with _reproducible(spec.seed, device):
            model = _build(spec)
            best_path = folder / "best.pt"
            trained = _train(
                model,
                spec,
                lake,
                scenes,
                normalization,
                best_path=best_path,
                device=device,
                workers=workers,
                log=lambda row: tracker.log_metrics(row.metrics(), row.epoch),
                progress=progress or (lambda _: None),
            )
            best = load_checkpoint(best_path).model().to(device)
            sums, maps = _score(best, spec, lake, scenes.test, normalization, device, folder / "maps")

        kept = trained.history[trained.best_epoch]
        result = TrialResult(
            trial_id=spec.trial_id,
            metrics={
                **metrics_of(sums, chart(spec.data.primary)),
                "best/epoch": float(kept.epoch),
                "best/val_loss": kept.val_loss,
                "best/val_f1": kept.val_f1,
                **_cost(model, trained, started, device),
            },
            matrices={name: matrix.to_lists() for name, matrix in sums.items()},
            best_epoch=trained.best_epoch,
            epochs=len(trained.history),
            checkpoint=str(best_path),
            seconds=time.perf_counter() - started,
            versions=_versions(device),
        )
        tracker.log_metrics(result.metrics)
        hand_in(tracker, folder, result, spec, sums, trained, maps)
        tracker.finish("FINISHED")
    except BaseException as error:
        _give_up(tracker, error)
        raise
    return result


def _build(spec: TrialSpec) -> nn.Module:
    return build_model(spec.model, task=spec.data.task, in_channels=len(spec.data.channels), n_outputs=n_outputs(spec))


def _train(
    model: nn.Module,
    spec: TrialSpec,
    lake: Lake,
    scenes: TrialScenes,
    normalization: Normalization,
    *,
    best_path: Path,
    device: torch.device,
    workers: int,
    log: Callable[[EpochRow], None],
    progress: Callable[[Progress], None],
) -> FitResult:
    data, loop = spec.data, spec.loop
    crops = CropDataset(
        lake,
        scenes.train.scene_ids,
        ratio=data.ratio,
        channels=data.channels,
        target=data.primary,
        patch_size=data.patch_size,
        max_masked=data.max_masked,
        length=loop.batch_size * (loop.batches_per_epoch or 1),
        seed=spec.seed,
        normalization=normalization,
    )

    def val_scenes() -> Iterator[SceneTensors]:
        for scene_id in scenes.val.scene_ids:
            yield load_scene(
                lake,
                scene_id,
                ratio=data.ratio,
                channels=data.channels,
                target=data.primary,
                normalization=normalization,
            )

    def keep(epoch: int, state: dict[str, torch.Tensor]) -> None:
        save_checkpoint(best_path, Checkpoint(spec=spec, normalization=normalization, epoch=epoch, state=state))

    return fit(
        model,
        lambda epoch: crop_loader(crops, batch_size=loop.batch_size, epoch=epoch, workers=workers),
        val_scenes,
        n_classes=chart(data.primary).n_classes,
        loop=loop,
        optimizer_spec=spec.optimizer,
        device=device,
        log=log,
        keep=keep,
        progress=progress,
    )


def _score(
    model: nn.Module,
    spec: TrialSpec,
    lake: Lake,
    test: Catalog,
    normalization: Normalization,
    device: torch.device,
    folder: Path,
) -> tuple[dict[str, ConfusionMatrix], list[Path]]:
    """Scores scene after scene, holding one at a time; draws a map of each where the lake has SAR."""
    drawable = set(SAR) <= set(lake.moments(f"r{spec.data.ratio}"))
    matrices, maps = [], []
    for record in test:
        score = score_scene(model, lake, record, spec, normalization, device=device)
        matrices.append((record, score.matrices))
        if drawable:
            maps.append(draw_map(score, spec, lake, folder))
    return sum_bins(matrices), maps


@contextmanager
def _reproducible(seed: int, device: torch.device) -> Iterator[None]:
    """Seeds torch (weights; crops have generators of their own) and, on the CPU, admits only deterministic kernels."""
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


def _give_up(tracker: Tracker, error: BaseException) -> None:
    """Leaves the error with the tracker; a tracker that is away must not hide the error itself."""
    killed = isinstance(error, KeyboardInterrupt | SystemExit)
    try:
        tracker.log_text("".join(traceback.format_exception(error)), "error.txt")
        tracker.finish("KILLED" if killed else "FAILED")
    except TrackingError as away:
        logger.warning("the tracker was not told that the trial failed: %s", away)


def _cost(model: nn.Module, trained: FitResult, started: float, device: torch.device) -> dict[str, float]:
    """Size, time and memory. Memory is that of the GPU where there is one, else of this process so far."""
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(device) / 2**20
    else:  # kilobytes on Linux, bytes on macOS
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    speeds = [row.patches_per_second for row in trained.history]
    return {
        "cost/parameters": float(count_parameters(model)),
        "cost/patches_per_second": float(np.median(speeds)),
        "cost/peak_memory_mib": float(peak),
        "cost/seconds": time.perf_counter() - started,
    }


def _versions(device: torch.device) -> dict[str, str]:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "device": name,
        "threads": str(torch.get_num_threads()),
    }
