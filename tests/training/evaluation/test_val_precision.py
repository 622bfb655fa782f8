"""The network that val scenes are given where they only choose the epoch: the one in training, in its precision."""

import pytest
import torch
from torch import nn

from datasets.lake import Lake
from tests.benchmarks.val_precision import both_ways
from training.checked_trial import check_trial
from training.evaluation.predict import outputs_of
from training.evaluation.val_precision import InPrecision, val_precision_of
from training.models import build_network
from training.spec import TrialSpec

CPU = torch.device("cpu")
SPEC = TrialSpec.from_dict(
    {
        "data": {"patch_size": 32, "channels": ["nersc_sar_primary", "sar_incidenceangle", "t2m"]},
        "model": {"params": {"filters": [4, 8]}},
        "loop": {"precision": "bfloat16", "val_precision": "training"},
    }
)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, torch.bfloat16),
        ({"loop.precision": "float16"}, torch.float16),
        ({"loop.precision": "float32"}, torch.float32),
        ({"loop.precision": "auto"}, torch.float32),
        ({"loop.val_precision": "float32"}, torch.float32),
        ({"model.name": "floor:commonest", "model.params": {}}, torch.float32),
    ],
)
def test_it_is_that_of_the_training_where_that_is_asked_for(changes: dict[str, object], wanted: torch.dtype) -> None:
    assert val_precision_of(SPEC.with_all(changes), CPU) == wanted


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_it_computes_as_the_training_does_and_gives_float32(precision: torch.dtype) -> None:
    torch.manual_seed(0)
    model, x = build_network(SPEC), torch.randn(2, 3, 40, 36)
    seen: list[torch.dtype] = []
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda module, given, found: seen.append(found.dtype))
    half = outputs_of(InPrecision(model, precision), x)
    assert set(seen) == {precision}
    assert half.dtype == torch.float32
    assert all(value.dtype == torch.float32 for value in model.parameters())
    single = outputs_of(model, x)
    assert 0 < (half - single).abs().max() < 0.05 * single.abs().max()


@pytest.mark.slow
def test_in_bfloat16_the_epoch_that_is_chosen_is_as_good(tiny_lake: Lake, small_spec: TrialSpec) -> None:
    """It need not be the same one: `python -m tests.benchmarks val_precision` counts how often it is another."""
    changes = {"loop.max_epochs": 6, "loop.precision": "bfloat16", "loop.val_precision": "training"}
    for seed in range(5):
        spec = small_spec.with_all({**changes, "seed": seed})
        epochs = both_ways(check_trial(spec, tiny_lake, 0, None, 0.0))
        single, half = ([scores.loss for scores in way] for way in zip(*epochs, strict=True))
        assert single != half
        assert single[half.index(min(half))] <= 1.01 * min(single)
