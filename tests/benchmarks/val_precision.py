"""`loop.val_precision: training`: how often it chooses another epoch than float32.

Trainings of a small U-Net in bfloat16 on scenes of the sample, each with its own seed. After every epoch the same
weights are scored in float32 and as `training` does it. Where the two choose another epoch, the loss in float32 of the
one is told by that of the other.
"""

import statistics
import tempfile
from pathlib import Path
from typing import Final

import torch
from torch import nn

from datasets.lake import Lake
from ingest.build import SplitOptions, publish
from ingest.convert import convert_scene
from ingest.recipe import Recipe
from ingest.sample import write_samples
from tests.benchmarks.full_scene import Row
from training.checked_trial import CheckedTrial, check_trial
from training.evaluation.score_scenes import tiling_for
from training.evaluation.val_precision import InPrecision, val_precision_of
from training.fit import loss_of, val_scores
from training.loop.epoch import ValScores
from training.loop.processes import Processes
from training.loop.trainer import Trainer
from training.models import build_network
from training.spec import TrialSpec

SEEDS: Final = 20
MONITORS: Final = {"loss": min, "f1": max}
RATES: Final = {
    "a rate that stays": {"optimizer.schedule": "none"},
    "a rate that falls to 0": {"optimizer.schedule": "cosine", "optimizer.length": "trial"},
}
"""With the second the last epochs are nearly the same: the harder choice."""
SPEC: Final = TrialSpec.from_dict(
    {
        "data": {"ratio": 10, "patch_size": 16, "max_masked": 0.9},
        "model": {"params": {"filters": [8, 8, 16]}},
        "optimizer": {"lr": 1e-2},
        "loop": {
            "batch_size": 8,
            "batches_per_epoch": 6,
            "max_epochs": 40,
            "patience": 40,
            "precision": "bfloat16",
            "val_precision": "training",
        },
        "evaluation": {"fixed_ratio": None},
    }
)


def measure() -> list[Row]:
    """Some minutes."""
    with tempfile.TemporaryDirectory(prefix="icebench-bench-") as name:
        lake = _lake(Path(name))
        rows = []
        for rate, changes in RATES.items():
            specs = [SPEC.with_all({**changes, "seed": seed}) for seed in range(SEEDS)]
            trainings = [both_ways(check_trial(spec, lake, 0, None, 0.0)) for spec in specs]
            rows += [_chosen(monitor, rate, trainings) for monitor in MONITORS]
    return rows


def _lake(folder: Path) -> Lake:
    recipe = Recipe(ratios=(SPEC.data.ratio,))
    lake = Lake.create(str(folder / "lake"), recipe.to_lake())
    made = write_samples(folder / "raw", scenes=9, lines=700, samples=800, seed=0)
    splits = ("test", *["train"] * (len(made) - 1))  # no trial is without a test scene
    rows = [convert_scene(str(raw), recipe, lake, split) for raw, split in zip(made, splits, strict=True)]
    publish(lake, rows, SplitOptions(val_scenes=3))
    return lake


def both_ways(trial: CheckedTrial) -> list[tuple[ValScores, ValScores]]:
    """Val scores after each epoch of one training, in float32 and as it trains."""
    spec, device, loss = trial.data.spec, trial.data.inputs.device, loss_of(trial)
    torch.manual_seed(spec.seed)
    model = build_network(spec)
    tiling, precision = tiling_for(model, spec, spec.evaluation.tile), val_precision_of(spec, device)
    found = []

    def scored(network: nn.Module) -> ValScores:
        ways = (network, InPrecision(network, precision))
        single, half = (val_scores(each, trial, loss, tiling, Processes()) for each in ways)
        found.append((single, half))
        return single

    trainer = Trainer(
        model,
        loss,
        loop=spec.loop,
        optimizer=spec.optimizer,
        batches_per_epoch=len(trial.batches),
        seed=spec.seed,
        device=device,
        processes=Processes(),
    )
    trainer.fit(trial.batches, scored)
    return found


def _chosen(monitor: str, rate: str, trainings: list[list[tuple[ValScores, ValScores]]]) -> Row:
    best, chosen, others, behind = MONITORS[monitor], [], [], []
    for epochs in trainings:
        single, half = ([getattr(way, monitor) for way in ways] for ways in zip(*epochs, strict=True))
        first, second = (values.index(best(values)) for values in (single, half))
        chosen.append(first)
        behind.append(abs(best(value for place, value in enumerate(single) if place != first) / single[first] - 1))
        if first != second:
            others.append(abs(single[second] / single[first] - 1))
    shifts = [abs(getattr(half, monitor) / getattr(single, monitor) - 1) for each in trainings for single, half in each]
    return Row(
        what=f"trainings that choose another epoch by val {monitor} in bfloat16, {rate}",
        measured=f"{len(others)} of {len(trainings)}",
        floor="-",
        ratio="-",
        reach="-",
        reached=True,
        note=f"in float32 the other is worse by {max(others, default=0):.2%} at most; the best of "
        f"{SPEC.loop.max_epochs} epochs is {min(chosen) + 1} to {max(chosen) + 1} (median "
        f"{statistics.median(chosen) + 1:.0f}), the second best {statistics.median(behind):.2%} behind; "
        f"an epoch's val {monitor} differs by {statistics.median(shifts):.2%}, {max(shifts):.2%} at most",
    )
