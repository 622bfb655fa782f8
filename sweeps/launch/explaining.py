"""One attribution in a worker process of Ray: explains the network that a training has left under the storage."""

import uuid
from pathlib import Path
from typing import Final

from datasets.errors import SplitError, UnknownNameError
from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from datasets.storage import at_hand, exists
from sweeps.launch.checkpoints import SupersededError, TrialCheckpoints
from sweeps.launch.order import Order
from sweeps.launch.report_keys import EPOCH, REFUSED, SCORE, Report
from sweeps.launch.trial_record import StudyTrialTracker, recorded
from sweeps.launch.worker import given_gpu, use_given_threads
from training.attribution.explain_trial import explain_trial
from training.attribution.settings import AttributionError
from training.loop.checkpoint import CheckpointError
from training.loop.checkpoint_files import BEST
from training.spec import SpecError

FINAL: Final = (AttributionError, CheckpointError, SpecError, SplitError, UnknownNameError, SupersededError)
"""Errors that a retry would raise again: the trial is not tried again."""


def explain_order(order: Order, folder: Path, report: Report) -> None:
    """Explains a trained network; one that was stopped begins again, since it has no checkpoints."""
    use_given_threads()
    assert order.attribution is not None, "it is for orders of an attribution"
    checkpoints = TrialCheckpoints(order.checkpoints, folder, attempt=f"{order.token}-{uuid.uuid4().hex}")
    checkpoints.take(resume=False)
    tracker = StudyTrialTracker(order, checkpoints)
    finished = False
    try:
        with recorded(order, tracker):
            trained = f"{order.trained}/{BEST}"
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
        finished = True
        report({EPOCH: 0, SCORE: 0.0})  # a scheduler of Tune needs a number, but an attribution has no score
    except FINAL as error:
        report({REFUSED: f"{type(error).__name__}: {error}", EPOCH: 0, SCORE: 0.0})
    finally:
        checkpoints.close(finished=finished)
