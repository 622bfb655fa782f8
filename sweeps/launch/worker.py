"""One trial in a worker process of Ray: from an order to a run in MLflow. It trains, or explains what was trained.

`report` is Ray's function, see `sweeps.launch.order.Report`.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import torch

from datasets.errors import SplitError, UnknownNameError
from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from datasets.loading.workers import loader_workers
from datasets.storage import at_hand, exists
from sweeps.launch.checkpoints import SupersededError, TrialCheckpoints
from sweeps.launch.order import EPOCH, REFUSED, SCORE, Order, Report
from sweeps.launch.trial_record import StudyTrialTracker, recorded
from sweeps.record.state import STOPPED
from training.attribution.settings import AttributionError
from training.loop.checkpoint import CheckpointError
from training.loop.checkpoint_files import BEST
from training.loop.epoch import TrainingProgress
from training.loop.machine import best_device
from training.loop.processes import Processes
from training.loop.steps import NonFiniteLossError
from training.spec import SpecError
from training.trial import join_trial, run_trial

_FINAL: Final = (SpecError, SplitError, UnknownNameError, SupersededError)
"""Errors that a retry would raise again: the trial is not tried again."""
_FINAL_OF_TRAINING: Final = (*_FINAL, NonFiniteLossError)
_FINAL_OF_EXPLAINING: Final = (*_FINAL, AttributionError, CheckpointError)


def run_order(order: Order, folder: Path, report: Report) -> None:
    """This process's part of a trial; `report` gets every epoch."""
    use_given_threads()
    spec, lake, cache = order.spec, Lake.open(order.lake), NodeCache.default()
    workers = loader_workers(order.resources.get("CPU", 1.0) * order.processes, order.processes)
    if not Processes.current().is_first:
        progress = partial(_report_epoch, report)
        join_trial(spec, lake, workers=workers, cache=cache, gpu_share=given_gpu(order), progress=progress)
        return
    with attempt(order, folder, report, resume=order.resume, final=_FINAL_OF_TRAINING) as (tracker, checkpoints):

        def after(progress: TrainingProgress) -> None:
            tracker.live()
            if progress.row is None:
                return
            checkpoints.keep()
            checkpoints.check_owner()
            try:
                _report_epoch(report, progress)
            except SystemExit:  # a scheduler stops the trial
                tracker.log_metrics({STOPPED: progress.epoch + 1.0})
                raise

        run_trial(
            spec,
            lake,
            tracker,
            folder=folder,
            workers=workers,
            cache=cache,
            gpu_share=given_gpu(order),
            progress=after,
        )


def explain_order(order: Order, folder: Path, report: Report) -> None:
    """Explains the network that a training has left; an attempt that was stopped begins again, from no checkpoint."""
    from training.attribution.explain_trial import explain_trial  # captum, which trainings do not need

    use_given_threads()
    assert order.attribution is not None, "it is for orders of an attribution"
    trained = f"{order.trained}/{BEST}"
    with attempt(order, folder, report, resume=False, final=_FINAL_OF_EXPLAINING) as (tracker, _):
        if not exists(trained):
            raise CheckpointError(f"there is no trained network {trained} any more: train it again")
        with at_hand(trained) as checkpoint:
            explain_trial(
                order.spec,
                Path(checkpoint),
                Lake.open(order.lake),
                order.attribution,
                tracker,
                folder=folder,
                cache=NodeCache.default(),
                gpu_share=given_gpu(order),
                progress=lambda done, total: tracker.live(),
            )
        report({EPOCH: 0, SCORE: 0.0})  # a scheduler of Tune needs a number, but an attribution has no score


@contextmanager
def attempt(
    order: Order, folder: Path, report: Report, *, resume: bool, final: tuple[type[Exception], ...]
) -> Iterator[tuple[StudyTrialTracker, TrialCheckpoints]]:
    """An attempt at a trial: its record and its checkpoints; an error that is `final` ends the trial by a report."""
    checkpoints = TrialCheckpoints(order.checkpoints, folder, attempt=f"{order.token}-{uuid.uuid4().hex}")
    tracker = StudyTrialTracker(order, checkpoints)
    tracker.check()  # before the trial is taken: an attempt that can report nothing must not replace one that can
    checkpoints.take(resume=resume)
    finished = False
    try:
        with recorded(order, tracker):
            yield tracker, checkpoints
        finished = True
    except final as error:
        report({REFUSED: f"{type(error).__name__}: {error}", EPOCH: 0, SCORE: 0.0})
    finally:
        checkpoints.close(finished=finished)


def use_given_threads() -> None:
    """Sets torch's threads: Ray sets OMP_NUM_THREADS by a worker's CPUs, but torch in a reused process ignores it."""
    torch.set_num_threads(max(1, int(os.environ.get("OMP_NUM_THREADS", "1"))))


def given_gpu(order: Order) -> float:
    """The part of a GPU that Ray gave this process, 0 to 1.

    Ray hides no GPU from a process that it gives none, and a driver that is too old hides all from torch.

    Raises:
        DeviceError: It gave one, and torch sees none.
    """
    share = min(order.resources.get("GPU", 0.0), 1.0)
    if share:
        best_device("gpu")
    return share


def _report_epoch(report: Report, progress: TrainingProgress) -> None:
    if progress.row is not None:
        report({EPOCH: progress.epoch + 1, SCORE: progress.row.val_f1})
