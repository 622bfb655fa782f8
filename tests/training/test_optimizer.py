import math

import pytest
import torch

from training.optimizer import build_optimizer, build_schedule
from training.spec import OptimizerSpec


def parameter() -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.ones(2))


@pytest.mark.parametrize(
    ("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)]
)
def test_the_named_optimizer_with_its_settings(name: str, kind: type) -> None:
    spec = OptimizerSpec.model_validate({"name": name, "lr": 0.02, "weight_decay": 0.01})
    optimizer = build_optimizer(spec, [parameter()])
    assert type(optimizer) is kind
    assert optimizer.param_groups[0]["lr"] == 0.02
    assert optimizer.param_groups[0]["weight_decay"] == 0.01
    if name == "sgd":
        assert optimizer.param_groups[0]["momentum"] == 0.9


def rates(spec: OptimizerSpec, batches_per_epoch: int, batches: int) -> list[float]:
    optimizer = build_optimizer(spec, [parameter()])
    schedule = build_schedule(spec, optimizer, batches_per_epoch)
    found = []
    for _ in range(batches):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if schedule is not None:
            schedule.step()
    return found


def test_warm_restarts_fall_along_a_cosine_by_batch() -> None:
    spec = OptimizerSpec(lr=0.1, restart_epochs=2)
    found = rates(spec, batches_per_epoch=5, batches=21)
    wanted = [0.1 * (1 + math.cos(math.pi * (batch % 10) / 10)) / 2 for batch in range(21)]
    assert found == pytest.approx(wanted)
    assert found[0] == found[10] == found[20] == pytest.approx(0.1)
    assert found[5] == pytest.approx(0.05)


def test_without_schedule_the_rate_is_constant() -> None:
    assert set(rates(OptimizerSpec(lr=0.1, schedule="none"), 5, 12)) == {0.1}
