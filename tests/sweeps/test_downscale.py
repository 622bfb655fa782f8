"""`sweeps/downscale.py`: its smoke run can train at the finest ratio too, which end-to-end tests leave out."""

import pytest
import torch

from datasets.lake import Lake
from sweeps.downscale import EXPERIMENT
from training.checked_trial import check_trial
from training.loop.losses import Loss
from training.models import build_network
from training.models.heads import heads_of
from training.spec import Task


@pytest.mark.parametrize("task", ["pixel", "patch"])
def test_a_smoke_trial_at_80_m_can_be_trained_on_a_small_lake(task: Task, tiny_lake: Lake) -> None:
    smoke = EXPERIMENT.smaller().of_task(task)
    spec = next(trial.spec for trial in smoke.trials() if trial.spec.data.ratio == 2)
    batches = check_trial(spec, tiny_lake, workers=0, cache=None, gpu_share=1.0).batches
    x, y = batches.prepare(next(batches.epoch(0)), epoch=0, number=0)
    assert x.shape[-2:] == (spec.data.patch_size, spec.data.patch_size)
    model, loss = build_network(spec), Loss(spec.loss, heads_of(spec))
    value = loss.value(loss.sums(model(x), y))
    value.backward()
    assert 0 < value.item() < 100
    assert all(torch.isfinite(each.grad).all() for each in model.parameters() if each.grad is not None)
