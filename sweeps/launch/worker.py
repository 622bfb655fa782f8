"""One trial in a worker process of Ray: from an order to a run in MLflow.

`report` is Ray's function: it takes the results of an epoch, and ends the trial where a scheduler stops it.
"""

import os
import uuid
from functools import partial
from pathlib import Path
from typing import Final

import torch

from datasets.errors import SplitError, UnknownNameError
from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from datasets.loading.workers import loader_workers
from sweeps.launch.checkpoints import SupersededError, TrialCheckpoints
from sweeps.launch.order import Order
from sweeps.launch.report_keys import EPOCH, REFUSED, SCORE, Report
from sweeps.launch.trial_record import StudyTrialTracker, recorded
from sweeps.record.state import STOPPED
from training.loop.epoch import TrainingProgress
from training.loop.machine import best_device
from training.loop.processes import Processes
from training.loop.steps import NonFiniteLossError
from training.spec import SpecError
from training.trial import join_trial, run_trial

FINAL: Final = (SpecError, SplitError, UnknownNameError, NonFiniteLossError, SupersededError)
"""Errors that a retry would raise again: the trial is not tried again."""


def run_order(order: Order, folder: Path, report: Report) -> None:
    """This process's part of a trial; `report` gets every epoch."""
    use_given_threads()
    spec, lake, cache = order.spec, Lake.open(order.lake), NodeCache.default()
    workers = loader_workers(order.resources.get("CPU", 1.0) * order.processes, order.processes)
    if not Processes.current().is_first:
        progress = partial(_report_epoch, report)
        join_trial(spec, lake, workers=workers, cache=cache, gpu_share=given_gpu(order), progress=progress)
        return
    checkpoints = TrialCheckpoints(order.checkpoints, folder, attempt=f"{order.token}-{uuid.uuid4().hex}")
    checkpoints.take(resume=order.resume)
    tracker = StudyTrialTracker(order, checkpoints)
    finished = False

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

    try:
        with recorded(order, tracker):
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
        finished = True
    except FINAL as error:
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
