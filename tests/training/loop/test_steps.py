"""Steps of the optimizer: what an epoch adds up to, and losses that are no number."""

import numpy as np
import pytest
import torch

from tests.training.loop.training_batches import InMemory, learnable, trainer_of, unet
from training.loop.epoch import TrainingProgress
from training.loop.steps import NonFiniteLossError, Step, TrainedEpoch
from training.spec import OptimizerSpec


def test_a_loss_that_is_not_finite_names_its_scenes_before_the_weights_move() -> None:
    model = unet()

    def example(epoch: int, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        x, y = learnable(number)
        if number == 1:
            x[0, 0, 5, 5] = float("inf")
        return x, y

    before: dict[str, torch.Tensor] = {}

    def note(state: TrainingProgress) -> None:
        before.update({name: value.clone() for name, value in model.named_parameters()})

    made = trainer_of(model, 2)
    with pytest.raises(NonFiniteLossError, match=r"train loss in epoch 7, batch 1 \(scenes scene1\) is nan"):
        made.train_epoch(InMemory(2, example), 7, note)
    assert before
    assert all(torch.equal(value, before[name]) for name, value in model.named_parameters())


def test_train_loss_weighs_pixels_not_batches() -> None:
    (x, y), mostly_masked = learnable(0), learnable(0)[1].clone()
    mostly_masked[:, :, 3:] = 255
    labels = [y, mostly_masked, torch.full_like(y, 255)]
    seen: list[TrainingProgress] = []
    made = trainer_of(unet(), 3, OptimizerSpec(lr=1e-30, name="sgd", schedule="none"))
    trained = made.train_epoch(InMemory(3, lambda e, n: (x, labels[n])), 0, seen.append)
    pixels = [int((own != 255).sum()) for own in labels]
    assert pixels == [4 * 14 * 16, 4 * 16, 0]
    assert trained.loss == pytest.approx(np.average([state.loss for state in seen], weights=pixels))
    assert trained.patches == 12


def test_numbers_of_a_gpu_are_read_when_they_have_arrived() -> None:
    told = torch.full((2,), float("nan"))

    class Ready:
        def synchronize(self) -> None:
            told.copy_(torch.tensor([1.5, 7.0]))

    (batch,) = InMemory(1, lambda e, n: learnable(0)).epoch(0)
    trained = TrainedEpoch(world=2)
    trained.add(Step(epoch=0, number=0, batch=batch, told=told, ready=Ready()))  # type: ignore[arg-type]
    assert (trained.last_loss, trained.loss, trained.patches) == (1.5, 1.5, 8)
