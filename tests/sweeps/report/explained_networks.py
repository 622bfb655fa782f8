"""A study of attributions whose numbers are known: for the tests of importance."""

from itertools import product

import numpy as np

from datasets.channels import INPUTS
from datasets.labels import SOD
from sweeps.record.design import StudyDesign
from sweeps.record.studies import StudyRow
from sweeps.record.study import TrialRow
from sweeps.report.evidence import Evidence, collect
from training.attribution.features import Features
from training.attribution.result import AttributionResult, rows_of
from training.attribution.settings import METHODS, AttributionSettings, Method
from training.attribution.sums import AttributionSums

FEATURES = Features.of(INPUTS)


BINS = ("season/summer", "all", "season/winter", "location/cat1", "cryoseason/melt", "scene/one")


def sums_of(weights: np.ndarray, pixels: int, rng: np.random.Generator) -> AttributionSums:
    """Channels by weight, the second speaks against; groups are sums of their channels; the last class is never met."""
    channels = weights[None] * rng.uniform(1.0, 3.0, (SOD.n_classes, 1))
    absolute = channels @ FEATURES.sums_over_channels() * pixels
    sign = np.where(np.arange(len(FEATURES)) == 1, -0.5, 0.7)
    n = np.array([pixels] * (SOD.n_classes - 1) + [0])
    zero = np.zeros(SOD.n_classes)
    signed = absolute * sign
    return AttributionSums(signed=signed, absolute=absolute, n=n, patches=n, change=zero, change_size=zero, error=zero)


def result_of(network: str, task: str, method: str, seed: int) -> AttributionResult:
    rng = np.random.default_rng((seed, METHODS.index(method), len(network)))
    weights = np.linspace(2.0, 0.2, len(INPUTS)) * rng.uniform(0.85, 1.15, len(INPUTS))
    weights[INPUTS.index("sar_longitude")] = 4.0 + 0.5 * seed
    sums = {name: sums_of(weights * (1 + 0.3 * rng.random(len(INPUTS))), 10_000, rng) for name in BINS}
    classes = list(enumerate(SOD.classes))
    rows, completeness = rows_of(sums, FEATURES, classes, complete=method != "feature_ablation")
    return AttributionResult(
        trial_id="t",
        seed=seed,
        model=network,
        task=task,
        target="SOD",
        settings=AttributionSettings.of(method=method, seed=seed),
        lake="l",
        channels=INPUTS,
        classes=SOD.classes,
        scenes=3,
        sampled=False,
        rows=rows,
        completeness=completeness,
        seconds=1.0,
        versions={"device": "a processor"},
    )


def invented(seeds: int = 3, methods: tuple[Method, ...] = METHODS) -> tuple[Evidence, dict[str, AttributionResult]]:
    networks = {"unet": ("pixel", "pixel"), "resnet50": ("patch", "patch")}
    rows, results = [], {}
    for (network, (label, task)), method, seed in product(networks.items(), methods, range(seeds)):
        run_id = f"{network}-{method}-{seed}"
        tags = {"axis.task": label, "axis.model": network, "axis.method": method, "seed": str(seed)}
        tags |= {"attribution.method": method}
        rows.append(
            TrialRow(
                trial_id=run_id,
                run_id=run_id,
                status="FINISHED",
                started=len(rows),
                params={},
                tags=tags,
                metrics={"cost/seconds": 60.0, "cost/gpu_hours": 0.5},
            )
        )
        results[run_id] = result_of(network, task, method, seed)
    design = StudyDesign(
        question="Why?",
        objective="test_80m/f1",
        axes={"task": ("pixel", "patch"), "model": tuple(networks), "method": methods},
        seeds=tuple(range(seeds)),
        trials=len(rows),
        about="importance",
    )
    study = StudyRow(
        study="feature_importance", experiment_id="1", run_id="p", status="FINISHED", started=0, lake="l", design=design
    )
    return collect(study, "sqlite:///m.db", rows, {}), results
