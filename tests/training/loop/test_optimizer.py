"""Optimizers and the five schedules, by the rates that they give."""

import math
from typing import Any

import pytest
import torch

from training.loop.optimizer import Schedule, build_optimizer
from training.spec import OptimizerSpec

BATCHES = 4


def weights() -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(torch.ones(3))]


def rates(spec: OptimizerSpec, epochs: int, val_losses: list[float] | None = None) -> list[float]:
    """Learning rate at the start of each batch."""
    optimizer = build_optimizer(spec, weights())
    schedule = Schedule(spec, optimizer, BATCHES, epochs)
    found = []
    for epoch in range(epochs):
        for _ in range(BATCHES):
            found.append(float(optimizer.param_groups[0]["lr"]))
            optimizer.step()
            schedule.after_batch()
        schedule.after_epoch(val_losses[epoch] if val_losses else 1.0)
    return found


@pytest.mark.parametrize(
    ("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)]
)
def test_optimizers_take_rate_and_decay(name: str, kind: type[torch.optim.Optimizer]) -> None:
    optimizer = build_optimizer(OptimizerSpec(name=name, lr=0.5, weight_decay=0.25, momentum=0.8), weights())
    assert type(optimizer) is kind
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert optimizer.param_groups[0]["weight_decay"] == 0.25
    assert optimizer.param_groups[0].get("momentum", 0.8) == 0.8


def test_none_keeps_the_rate() -> None:
    assert set(rates(OptimizerSpec(lr=0.1, schedule="none"), 3)) == {0.1}


def test_warm_restarts_fall_to_zero_and_start_again() -> None:
    found = rates(OptimizerSpec(lr=0.1, restart_epochs=2), 5)
    cycle = 2 * BATCHES
    expected = [0.05 * (1 + math.cos(math.pi * (step % cycle) / cycle)) for step in range(5 * BATCHES)]
    assert found == pytest.approx(expected)


def test_cosine_falls_once_and_stays_at_zero() -> None:
    found = rates(OptimizerSpec(lr=0.1, schedule="cosine", restart_epochs=2), 4)
    assert found[:8] == pytest.approx([0.05 * (1 + math.cos(math.pi * step / 8)) for step in range(8)])
    assert found[8:] == pytest.approx([0.0] * 8)


def test_over_the_trial_a_cosine_ends_with_it_and_steps_are_thirds() -> None:
    cosine = rates(OptimizerSpec(lr=0.1, schedule="cosine", length="trial", restart_epochs=2), 6)
    assert cosine == pytest.approx([0.05 * (1 + math.cos(math.pi * step / 24)) for step in range(24)])
    steps = rates(OptimizerSpec(lr=1.0, schedule="step", length="trial", step_epochs=1, factor=0.5), 6)
    assert steps[::BATCHES] == pytest.approx([1.0, 1.0, 0.5, 0.5, 0.25, 0.25])
    restarts = rates(OptimizerSpec(lr=0.1, length="trial", restart_epochs=1), 6)
    assert restarts == pytest.approx([0.05 * (1 + math.cos(math.pi * (step % 8) / 8)) for step in range(24)])


def test_as_published_the_val_loss_is_the_number_of_the_epoch_and_the_rate_hardly_moves() -> None:
    found = rates(OptimizerSpec(lr=0.1, schedule="as_published"), 5, [2.0, 1.5, 1.0, 0.8, 0.7])
    by_epoch = found[::BATCHES]
    assert by_epoch == pytest.approx([0.1, *(0.05 * (1 + math.cos(math.pi * loss / 20)) for loss in (2, 1.5, 1, 0.8))])
    assert min(by_epoch) > 0.094
    assert all(len(set(found[start : start + BATCHES])) == 1 for start in range(0, 5 * BATCHES, BATCHES))


def test_step_multiplies_the_rate_every_so_many_epochs() -> None:
    found = rates(OptimizerSpec(lr=1.0, schedule="step", step_epochs=2, factor=0.5), 5)
    assert found[::BATCHES] == pytest.approx([1.0, 1.0, 0.5, 0.5, 0.25])


def test_plateau_follows_the_val_loss_and_nothing_else() -> None:
    spec = OptimizerSpec(lr=1.0, schedule="plateau", plateau_epochs=1, factor=0.5)
    falling = rates(spec, 5, [5.0, 4.0, 3.0, 2.0, 1.0])
    assert set(falling) == {1.0}
    flat = rates(spec, 5, [1.0, 1.0, 1.0, 1.0, 1.0])
    assert flat[::BATCHES] == pytest.approx([1.0, 1.0, 1.0, 0.5, 0.5])


@pytest.mark.parametrize("schedule", ["none", "cosine_warm_restarts", "cosine", "step", "plateau", "as_published"])
def test_a_schedule_goes_on_from_its_state(schedule: str) -> None:
    spec = OptimizerSpec(lr=1.0, schedule=schedule, restart_epochs=3, step_epochs=1, plateau_epochs=1)
    whole = rates(spec, 4)
    first = build_optimizer(spec, weights())
    begun = Schedule(spec, first, BATCHES, 4)
    for _ in range(2):
        for _ in range(BATCHES):
            first.step()
            begun.after_batch()
        begun.after_epoch(1.0)
    second = build_optimizer(spec, weights())
    resumed = Schedule(spec, second, BATCHES, 4)
    second.load_state_dict(first.state_dict())
    resumed.load_state_dict(begun.state_dict())
    found = []
    for _ in range(2):
        for _ in range(BATCHES):
            found.append(float(second.param_groups[0]["lr"]))
            second.step()
            resumed.after_batch()
        resumed.after_epoch(1.0)
    assert found == pytest.approx(whole[2 * BATCHES :])


@pytest.mark.parametrize("schedule", ["step", "cosine", "cosine_warm_restarts"])
def test_a_first_step_that_float16_leaves_out_is_no_warning(schedule: Any) -> None:  # noqa: ANN401
    spec = OptimizerSpec(lr=0.1, schedule=schedule, step_epochs=1)
    optimizer = build_optimizer(spec, weights())
    made = Schedule(spec, optimizer, BATCHES, 4)
    for _ in range(BATCHES):
        made.after_batch()  # as where the loss scaling found an infinite gradient and took no step
    assert optimizer.param_groups[0]["lr"] < 0.1
