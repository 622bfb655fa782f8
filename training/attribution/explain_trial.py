"""An attribution as a trial with a record of its own: `explain_trial`, and `check_method` before anything starts."""

from collections.abc import Callable
from pathlib import Path

import torch

from datasets.lake import Lake
from datasets.loading.node_cache import NodeCache
from training.attribution.deeplift import refuse_foreign
from training.attribution.files import log_attribution, write_result
from training.attribution.layers import survey
from training.attribution.result import AttributionResult
from training.attribution.run import attribute
from training.attribution.settings import AttributionSettings, Method
from training.data.trial_scenes import bind
from training.loop.cost import Clock, forget_peak, used_since
from training.loop.machine import best_device
from training.models import build_network
from training.spec import TrialSpec
from training.tracking.tracker import Tracker, record_failure


def explain_trial(
    spec: TrialSpec,
    checkpoint: Path,
    lake: Lake,
    settings: AttributionSettings,
    tracker: Tracker,
    *,
    folder: Path,
    cache: NodeCache | None = None,
    gpu_share: float = 1.0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> AttributionResult:
    """Explains the `best.pt` that the training of a spec left, and tells a tracker of it, as `attribute` does.

    The record ends FINISHED, FAILED or KILLED. JSON, table and picture go to the folder; those of an earlier attempt
    are replaced. With a `gpu_share` of 0 it computes on the CPU.

    Raises:
        IceBenchError: As `attribute` and `Tracker` do.
    """
    started, device = Clock.now(), best_device("auto" if gpu_share else "cpu")
    forget_peak(device)
    tracker.start(bind(spec, lake), {"recipe": lake.recipe_digest, "lake": lake.digest})
    try:
        tracker.log_text(spec.to_yaml(), "spec.yaml")
        result = attribute(checkpoint, lake, settings, cache=cache, device=device, progress=progress)
        log_attribution(result, tracker, write_result(result, folder, overwrite=True))
        tracker.log_metrics(used_since(started, device))
        tracker.finish("FINISHED")
    except BaseException as error:
        record_failure(tracker, error)
        raise
    return result


def check_method(spec: TrialSpec, method: Method) -> None:
    """Raises AttributionError if the method cannot handle the network of a spec; runs it once, without its weights."""
    if method not in ("deeplift", "deeplift_shap"):
        return
    network = build_network(spec.with_("model.pretrained", None)).eval().requires_grad_(False)
    x = torch.zeros(1, len(spec.inputs), spec.data.patch_size, spec.data.patch_size)
    refuse_foreign(survey(network, x), spec.model.name)
