"""A study that explains small networks."""

from pathlib import Path

from datasets.lake import Lake
from sweeps.design.experiment import Arm, Experiment
from tests.sweeps.launch.small_study import SPEC

METHODS = ("feature_ablation", "integrated_gradients")

SMALL = {"attribution.steps": 2, "attribution.baselines": 2}


def explaining(models: dict[str, dict[str, object]], methods: tuple[str, ...] = METHODS) -> Experiment:
    asked = {method: {"attribution.method": method, **SMALL} for method in methods}
    return Experiment(
        name="why",
        question="Why?",
        arms={"pixel": Arm(base=SPEC, axes={"model": models, "method": asked})},
        seeds=(0, 1),
        trained_by="python sweeps/small.py --only model={model} --only seed={seed}",
    )


def keep(storage: Path, study: Experiment, lake: Lake, name: str = "best.pt") -> None:
    """What a training of every network of the study leaves, as far as a plan looks."""
    for trial in study.trials():
        path = storage / "checkpoints" / trial.bound_to(lake.digest).spec.trial_id / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
