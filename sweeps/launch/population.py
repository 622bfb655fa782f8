"""One member of a population in a worker: a trial that may go on from another's weights with another learning rate."""

import json
import shutil
from pathlib import Path
from typing import Final

from ray import tune

from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from sweeps.launch.order import Order
from sweeps.launch.report_keys import EPOCH, SCORE
from sweeps.launch.trial_record import TaggedTracker
from sweeps.launch.worker import use_given_threads
from training.loop.checkpoint import load_progress, save_progress
from training.loop.checkpoint_files import BEST, LAST
from training.loop.epoch import TrainingProgress
from training.loop.optimizer import scaled_rates
from training.spec import TrialSpec
from training.trial import run_trial

_MEMBER: Final = "member.json"
"""Whose checkpoint it is, and with which learning rate."""


def run_member(order: Order, rate: float, folder: Path) -> None:
    """Trains from where the checkpoint that Tune gives stands, or from the start.

    Args:
        order: The member as the study has it.
        rate: Factor of its learning rate now.
        folder: For checkpoints on this machine.
    """
    use_given_threads()
    spec = TrialSpec.from_dict(order.spec)
    spec = spec.with_("optimizer.lr", spec.optimizer.lr * rate)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _fetch(tune.get_checkpoint(), spec, rate, folder)
    tracker = TaggedTracker(order)

    def after(progress: TrainingProgress) -> None:
        if progress.row is None:
            return
        (folder / _MEMBER).write_text(json.dumps({"trial_id": spec.trial_id, "rate": rate}))
        kept = folder.with_name("kept")
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir()
        for name in (BEST, LAST, _MEMBER):
            shutil.copyfile(folder / name, kept / name)
        scores = {EPOCH: progress.epoch + 1, SCORE: progress.row.val_f1}
        tune.report(scores, checkpoint=tune.Checkpoint.from_directory(str(kept)))

    run_trial(spec, Lake.open(order.lake), tracker, folder=folder, cache=NodeCache.default(), progress=after)


def _fetch(checkpoint: "tune.Checkpoint | None", spec: TrialSpec, rate: float, folder: Path) -> None:
    """Lays out where another member stands as where this one stands, at this one's learning rate."""
    if checkpoint is None:
        return
    with checkpoint.as_directory() as place:
        given = Path(place)
        member = json.loads((given / _MEMBER).read_text())
        state = load_progress(given / LAST, member["trial_id"])
        if state is None:
            return
        state.optimizer, state.schedule = scaled_rates(state.optimizer, state.schedule, rate / member["rate"])
        save_progress(folder / LAST, spec.trial_id, state)
        shutil.copyfile(given / BEST, folder / BEST)
