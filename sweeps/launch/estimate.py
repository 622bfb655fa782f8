"""What the trials of a study will cost, by finished trials of the same work. Pure.

A finished trial is *the same* where every setting but seed and lake is equal. It is *alike* where the network and
`ALIKE` are equal: the same patches for the same number of steps; rates, losses, channels and scenes may differ. A trial
costs the median of the same ones, else of the alike ones; of these only those on GPUs count where there are any.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal

from sweeps.design.point import Point
from training.tracking.past_runs import PastRun
from training.tracking.run_content import params_of

ALIKE: Final = (
    "attribution.method",
    "data.max_patches",
    "data.patch_size",
    "data.ratio",
    "data.scene_share",
    "data.stride",
    "data.stride_m",
    "data.task",
    "loop.batch_size",
    "loop.batches_per_epoch",
    "loop.max_epochs",
    "loop.patience",
    "model.name",
)
_PARAMETERS: Final = "model.params."
"""Start of the names of what the network is built with: alike ones have the same, too."""
_ATTRIBUTION: Final = "attribution."
_WHERE: Final = frozenset({"data.lake"})
_SEEDS: Final = frozenset({"seed", f"{_ATTRIBUTION}seed"})

Source = Literal["same", "alike", "measured"]
_Settings = frozenset[tuple[str, str]]
"""Names and values, to look for."""


@dataclass(frozen=True, kw_only=True)
class TrialCost:
    """What one trial will cost, and by what that is known.

    Attributes:
        source: Finished trials, or steps that were measured on this machine.
        seconds: Wall time.
        gpu_hours: Wall time times GPUs; 0 on CPUs.
        cpu_hours: Processor time.
        memory_mib: Peak, of the GPU where there is one.
        parameters: Of the network; 0 where not known.
    """

    source: Source
    seconds: float
    gpu_hours: float
    cpu_hours: float
    memory_mib: float
    parameters: float


def estimates(trials: Sequence[Point], past: Iterable[PastRun]) -> list[TrialCost | None]:
    """The cost of each trial by finished ones; None where it is not known."""
    same, alike = defaultdict[_Settings, list[PastRun]](list), defaultdict[_Settings, list[PastRun]](list)
    for run in past:
        settings = _settings_of(run)
        same[_but_seeds(settings)].append(run)
        alike[_only_alike(settings)].append(run)

    def cost_of(trial: Point) -> TrialCost | None:
        settings = settings_of(trial)
        if found := same.get(_but_seeds(settings)):
            return _median(found, "same")
        return _median(found, "alike") if (found := alike.get(_only_alike(settings))) else None

    return [cost_of(trial) for trial in trials]


def finished_on(trials: Sequence[Point], past: Iterable[PastRun]) -> dict[str, int]:
    """How many of the trials have finished, by the digest of the lake."""
    lakes = defaultdict[_Settings, set[str]](set)
    for run in past:
        lakes[frozenset(_settings_of(run).items())].add(run.tags.get("lake", ""))
    found = (lakes.get(frozenset(settings_of(trial).items()), ()) for trial in trials)
    return dict(Counter(lake for each in found for lake in each))


def settings_of(trial: Point) -> dict[str, str]:
    """All that decides the work of a trial, as a run of MLflow has it, but the lake."""
    settings = {name: value for name, value in params_of(trial.spec).items() if name not in _WHERE}
    if trial.attribution is not None:
        settings |= {f"{_ATTRIBUTION}{name}": str(value) for name, value in trial.attribution.model_dump().items()}
    return settings


def _settings_of(run: PastRun) -> dict[str, str]:
    explained = {name: value for name, value in run.tags.items() if name.startswith(_ATTRIBUTION)}
    return {name: value for name, value in run.params.items() if name not in _WHERE} | explained


def _but_seeds(settings: Mapping[str, str]) -> _Settings:
    return frozenset((name, value) for name, value in settings.items() if name not in _SEEDS)


def _only_alike(settings: Mapping[str, str]) -> _Settings:
    return frozenset((name, value) for name, value in settings.items() if name in ALIKE or name.startswith(_PARAMETERS))


def _median(runs: Sequence[PastRun], source: Source) -> TrialCost:
    on_gpus = [run for run in runs if run.cost.get("gpu_hours", 0.0) > 0]
    costs = [run.cost for run in on_gpus or runs]

    def of(name: str) -> float:
        return median(cost.get(name, 0.0) for cost in costs)

    return TrialCost(
        source=source,
        seconds=of("seconds"),
        gpu_hours=of("gpu_hours"),
        cpu_hours=of("cpu_hours"),
        memory_mib=max(cost.get("peak_memory_mib", 0.0) for cost in costs),
        parameters=of("parameters"),
    )
