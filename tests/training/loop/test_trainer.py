"""The loop on batches in memory: what it learns, when it stops, how it goes on."""

import copy

import pytest
import torch
from torch import nn

from tests.training.loop.given_losses import NO_LOSS, dial, run
from tests.training.loop.training_batches import InMemory, learnable, trainer_of, unet
from training.loop.epoch import ValScores
from training.loop.steps import NonFiniteLossError
from training.loop.trainer import FitState
from training.spec import OptimizerSpec


@pytest.mark.slow
def test_a_unet_learns_what_can_be_learnt() -> None:
    data = InMemory(16, lambda epoch, number: learnable(100 * epoch + number))
    made = trainer_of(unet(), 16, OptimizerSpec(lr=1e-2, restart_epochs=8), max_epochs=8)

    def validate(model: nn.Module) -> ValScores:
        model.eval()
        x, y = learnable(999, size=24)
        with torch.inference_mode():
            right = (model(x).argmax(dim=1) == y[:, 0])[y[:, 0] != 255]
        return NO_LOSS.model_copy(update={"loss": 1 - right.float().mean().item(), "accuracy": right.float().mean()})

    state = made.fit(data, validate)
    assert state.history[-1].val_accuracy > 0.95
    assert state.history[-1].train_loss < 0.3 * state.history[0].train_loss


def test_training_stops_after_patience_epochs_without_a_better_loss() -> None:
    state = run([5.0, 3.0, 4.0, 3.0, 3.5, 1.0], patience=3)
    assert [row.val_loss for row in state.history] == [5.0, 3.0, 4.0, 3.0, 3.5]
    assert state.best_epoch == 1, "an equal loss is no better one"


def test_training_goes_on_while_the_loss_improves() -> None:
    state = run([5.0, 5.5, 4.0, 4.5, 3.0, 3.5, 2.0, 2.5], patience=2)
    assert len(state.history) == 8
    assert state.best_epoch == 6


@pytest.mark.parametrize(("monitor", "best"), [("loss", 2), ("f1", 0), ("score", 1)])
def test_the_monitor_chooses_the_best_epoch(monitor: str, best: int) -> None:
    rows = iter(
        [
            ValScores(loss=3.0, f1=0.9, f1_macro=0.0, accuracy=0.0, score=0.1),
            ValScores(loss=2.0, f1=0.1, f1_macro=0.0, accuracy=0.0, score=0.8),
            ValScores(loss=1.0, f1=0.2, f1_macro=0.0, accuracy=0.0, score=0.2),
        ]
    )
    data = InMemory(1, lambda epoch, number: learnable(epoch))
    state = trainer_of(unet(), 1, max_epochs=3, monitor=monitor).fit(data, lambda model: next(rows))
    assert state.best_epoch == best


def test_the_weights_of_every_best_epoch_are_handed_on() -> None:
    kept: list[tuple[int, bool]] = []
    weights: list[dict[str, torch.Tensor]] = []

    def keep(state: FitState, is_best: bool) -> None:
        kept.append((len(state.history) - 1, is_best))
        weights.append(state.weights)

    run([3.0, 1.0, 2.0], keep=keep)
    assert kept == [(0, True), (1, True), (2, False)]
    name = "outlet.weight"
    assert not torch.equal(weights[1][name], weights[2][name]), "later steps must not touch what was kept"


def test_every_epoch_trains_in_train_mode_and_batch_norm_learns() -> None:
    model = unet()
    means: list[torch.Tensor] = []
    norm = next(m for m in model.modules() if isinstance(m, nn.BatchNorm2d))

    def validate(scored: nn.Module) -> ValScores:
        assert scored.training, "nothing put it in eval mode since the last step"
        scored.eval()
        means.append(norm.running_mean.clone())  # type: ignore[union-attr]
        return NO_LOSS

    trainer_of(model, 1, max_epochs=3).fit(InMemory(1, lambda e, n: learnable(e)), validate)
    assert not torch.equal(means[0], means[1])
    assert not torch.equal(means[1], means[2])


def test_a_val_loss_that_is_not_finite_names_the_epoch() -> None:
    with pytest.raises(NonFiniteLossError, match="val loss in epoch 1 is nan"):
        run([1.0, float("nan")])


class Dropping(nn.Module):
    """A network with dropout, whose draws must be those of the epoch, whatever was trained before."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.drop = nn.Dropout2d(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.drop(self.norm(self.conv(x)))
        return out


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("schedule", ["cosine_warm_restarts", "plateau", "cosine"])
def test_a_training_goes_on_as_if_it_had_never_stopped(optimizer: str, schedule: str) -> None:
    spec = OptimizerSpec(name=optimizer, lr=1e-2, schedule=schedule, restart_epochs=3, plateau_epochs=1)
    data = InMemory(3, lambda epoch, number: learnable(10 * epoch + number))
    losses = [3.0, 4.0, 2.0, 5.0, 1.0]

    def network() -> nn.Module:
        torch.manual_seed(1)
        return Dropping()

    states: list[FitState] = []
    whole = trainer_of(network(), 3, spec, max_epochs=5).fit(
        data, dial(losses), keep=lambda state, _: states.append(copy.deepcopy(state))
    )
    torch.manual_seed(77)  # another process has another past
    resumed = trainer_of(network(), 3, spec, max_epochs=5).fit(data, dial(losses[2:]), state=states[1])
    assert [row.train_loss for row in resumed.history] == [row.train_loss for row in whole.history]
    assert [row.lr for row in resumed.history] == [row.lr for row in whole.history]
    assert resumed.best_epoch == whole.best_epoch
    assert all(torch.equal(value, whole.weights[name]) for name, value in resumed.weights.items())


def test_a_finished_training_is_not_trained_again() -> None:
    state = run([2.0, 1.0])
    data = InMemory(1, lambda epoch, number: pytest.fail("nothing is left to train"))
    again = trainer_of(unet(), 1, max_epochs=2).fit(data, dial([]), state=state)
    assert len(again.history) == 2


def test_the_norm_of_the_gradient_is_clipped() -> None:
    sizes = []
    for clip in (None, 1e-3):
        model = unet()
        before = model.outlet.bias.detach().clone()  # type: ignore[union-attr]
        spec = OptimizerSpec(name="sgd", lr=1.0, momentum=0.0, schedule="none", clip_norm=clip)
        trainer_of(model, 1, spec).train_epoch(InMemory(1, lambda e, n: learnable(0)), 0)
        sizes.append((model.outlet.bias - before).norm().item())  # type: ignore[operator]
    assert sizes[1] <= 1.001e-3 < sizes[0]
