"""`--measure`: the cost of trials whose network nobody has trained yet, by a few steps on this machine."""

import platform
from collections.abc import MutableSequence, Sequence

from datasets.plural import plural
from datasets.process.terminal import err
from datasets.volume import LakeVolume
from sweeps.design.point import Point
from sweeps.launch.estimate import TrialCost
from training.loop.step_cost import StepCost, step_cost
from training.spec import TrialSpec


def fill_in(
    studies: Sequence[Sequence[Point]], costs: Sequence[MutableSequence[TrialCost | None]], lake: LakeVolume | None
) -> str:
    """Puts a measured cost in the place of those that are not known; says on what it was measured.

    Attributions have no step, and the length of an epoch of patch-based trials depends on patches that nobody has
    counted: both stay unknown, but where the spec names the batches. Val scenes are scored after every epoch and test
    scenes once; without a lake that is left out.
    """
    steps: dict[str, StepCost] = {}
    for trials, found in zip(studies, costs, strict=True):
        for place, trial in enumerate(trials):
            batches = trial.spec.loop.batches_per_epoch
            if found[place] is not None or trial.attribution is not None or batches is None:
                continue
            work = _work_of(trial.spec)
            key = work.trial_id
            if key not in steps:
                with err.status(f"timing {work.model.name}, patches of {work.data.patch_size}"):
                    steps[key] = step_cost(work)
            found[place] = _cost(trial.spec, steps[key], batches, lake)
    if not steps:
        return "measured: nothing, since no unknown trial says how many batches an epoch has"
    device = next(iter(steps.values())).device
    scored = "training and scoring" if lake is not None else "training alone, without scoring val and test scenes"
    return (
        f"measured: {plural(len(steps), 'network')} on {platform.node()} ({device}) with random patches, "
        f"all epochs: {scored}, without reading data; another machine takes another time"
    )


def _work_of(spec: TrialSpec) -> TrialSpec:
    """The spec with all at its default that does not change how long a step takes."""
    plain = TrialSpec()
    kept = {
        "model": spec.model.model_dump(mode="json") | {"pretrained": None},
        "data": plain.data.model_dump(mode="json")
        | {name: getattr(spec.data, name) for name in ("task", "patch_size", "channels", "targets")},
        "loop": plain.loop.model_dump(mode="json")
        | {name: getattr(spec.loop, name) for name in ("batch_size", "precision", "compile")},
        "loss": spec.loss.model_dump(mode="json"),
        "optimizer": {"name": spec.optimizer.name},
    }
    return TrialSpec.from_dict(kept)


def _cost(spec: TrialSpec, step: StepCost, batches: int, lake: LakeVolume | None) -> TrialCost:
    epochs = spec.loop.max_epochs
    forward = 0.0
    if lake is not None:
        in_batch = spec.loop.batch_size * spec.data.patch_size**2 * spec.data.ratio**2
        forward = (epochs * lake.pixels["val"] + lake.pixels["test"]) / in_batch * step.forward_seconds
    seconds = epochs * batches * step.seconds + forward
    busy = step.processor_seconds / step.seconds if step.seconds else 1.0
    return TrialCost(
        source="measured",
        seconds=seconds,
        gpu_hours=seconds / 3600 if step.on_gpu else 0.0,
        cpu_hours=busy * seconds / 3600,
        memory_mib=step.memory_mib,
        parameters=step.parameters,
    )
