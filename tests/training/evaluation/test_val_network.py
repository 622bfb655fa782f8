"""The network that val scenes are given where they only choose the epoch: a copy, in the precision of the training."""

import copy

import pytest
import torch
from torch import nn

from datasets.lake import Lake
from tests.benchmarks.val_precision import both_ways
from training.checked_trial import check_trial
from training.evaluation.predict import outputs_of
from training.evaluation.val_network import ValNetwork
from training.loop.precision import mixed_precision
from training.models import build_network
from training.spec import TrialSpec

CPU = torch.device("cpu")
SPEC = TrialSpec.from_dict(
    {
        "data": {"patch_size": 32, "channels": ["nersc_sar_primary", "sar_incidenceangle", "t2m"]},
        "model": {"params": {"filters": [4, 8]}},
        "loop": {"precision": "float32", "val_precision": "training"},
    }
)
X = torch.randn(2, 3, 40, 36, generator=torch.Generator().manual_seed(0))


def a_step(model: nn.Module) -> None:
    """Moves weights and statistics."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model.train()(3 * X + 1).square().mean().backward()
    optimizer.step()


def test_it_follows_the_weights_and_changes_nothing() -> None:
    torch.manual_seed(0)
    drawn = torch.get_rng_state()
    fast = ValNetwork(SPEC, CPU)
    assert torch.equal(drawn, torch.get_rng_state()), "the training draws what it would draw without it"
    model = build_network(SPEC)
    for _ in range(2):
        a_step(model)
        state = copy.deepcopy(model.state_dict())
        model.train()
        found = outputs_of(fast.of(model), X)
        assert model.training, "batch norm of the training goes on"
        assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
        assert not any(value is other for value in model.parameters() for other in fast.of(model).parameters())
        torch.testing.assert_close(found, outputs_of(model, X), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_it_computes_as_the_training_does_and_gives_float32(precision: str) -> None:
    spec = SPEC.with_("loop.precision", precision)
    model = build_network(spec)
    a_step(model)
    fast = ValNetwork(spec, CPU).of(model)
    seen: list[torch.dtype] = []
    for module in fast.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda module, given, found: seen.append(found.dtype))
    half = outputs_of(fast, X)
    assert set(seen) == {getattr(torch, precision)}
    assert half.dtype == torch.float32
    assert all(value.dtype == torch.float32 for value in fast.parameters()), "folded in float32, cast where it is used"
    single = outputs_of(model, X)
    with mixed_precision(getattr(torch, precision), CPU), torch.inference_mode():
        not_folded = model(X).float()
    assert 0 < (half - single).abs().max() < 0.05 * single.abs().max()
    assert (half - not_folded).abs().max() < 0.05 * single.abs().max()


def test_a_network_that_keeps_what_it_computed_and_one_whose_batch_norm_is_of_several_gpus() -> None:
    fast = ValNetwork(SPEC, CPU)
    model = build_network(SPEC)
    model.last = model(X)  # type: ignore[assignment] # no such tensor can be copied
    torch.testing.assert_close(outputs_of(fast.of(model), X), outputs_of(model, X), rtol=1e-4, atol=1e-5)
    synced: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(build_network(SPEC))  # type: ignore[no-untyped-call]
    assert any(isinstance(module, nn.SyncBatchNorm) for module in synced.modules())
    torch.testing.assert_close(outputs_of(fast.of(synced), X), outputs_of(synced, X), rtol=1e-4, atol=1e-5)


def test_how_many_batch_norms_are_folded_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="training.evaluation.val_network"):
        ValNetwork(SPEC.with_("loop.precision", "bfloat16"), CPU)
    assert "val scores after epochs are taken in bfloat16, with 10 batch norms folded" in caplog.text


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
