"""Scores of a checkpoint on the test scenes of its lake, as `run_trial` scores what it has trained."""

from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from training.data.pure_patches import scored_patches
from training.data.trial_data import TrialData
from training.evaluation.result import TrialResult
from training.evaluation.score_network import Draw, draw_nothing, score_network
from training.evaluation.score_scenes import tiling_for
from training.loop.checkpoint import load_checkpoint
from training.loop.checkpoint_files import checkpoint_file
from training.loop.cost import Clock
from training.loop.machine import best_device, versions_of
from training.loop.precision import whole_float32
from training.models import count_parameters
from training.spec import TrialSpec


@whole_float32()
def score_checkpoint(
    checkpoint: Path,
    lake: Lake,
    *,
    drawer: Callable[[TrialSpec], Draw] = lambda _: draw_nothing,
    cache: NodeCache | None = None,
) -> tuple[TrialSpec, TrialResult]:
    """Scores a trained network; nothing is trained, and nothing but the file and the lake is needed.

    The checkpoint is the `best.pt` of a trial that was trained on this lake, or the folder that it is in. What the
    training cost is told where result.json lies beside it; else the number of parameters alone. `drawer` gives what
    draws the scored scenes of a spec.

    Returns:
        The spec, bound to the lake, and the result; its epochs end with the kept one where no other is known.

    Raises:
        CheckpointError: There is no checkpoint, or it cannot be read.
        SpecError: The lake is another one, or the class of the network cannot be imported or takes other arguments.
        SplitError: There is no test scene with a label, or no pure patch in them.
        DeviceMemoryError: The GPU has no memory for it.
    """
    started, device = Clock.now(), best_device()
    file = checkpoint_file(checkpoint)
    loaded = load_checkpoint(file)
    data = TrialData.of_checkpoint(loaded, lake, device, cache=cache)
    spec, model = data.spec, loaded.model().to(device)
    found = score_network(
        model,
        data,
        tiling=tiling_for(model, spec, data.scenes.longest_side(spec.data.ratio)),
        val_patches=scored_patches(data, data.scenes.val),
        test_patches=scored_patches(data, data.scenes.test),
        draw=drawer(spec),
    )
    earlier = _earlier(file.parent / "result.json", spec.trial_id)
    costs = {name: value for name, value in (earlier.metrics if earlier else {}).items() if name.startswith("cost/")}
    return spec, found.result(
        {"cost/parameters": float(count_parameters(model)), **costs},
        trial_id=spec.trial_id,
        best_epoch=loaded.epoch,
        epochs=earlier.epochs if earlier else loaded.epoch + 1,
        checkpoint=str(file),
        seconds=started.seconds(),
        versions=versions_of(device),
        val_precision=earlier.val_precision if earlier else None,
    )


def _earlier(path: Path, trial_id: str) -> TrialResult | None:
    """The result that the training of this trial left; None if it is not there, or of something else."""
    try:
        found = TrialResult.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):  # of another version: its costs are not known, its scores are not used
        return None
    return found if found.trial_id == trial_id else None
