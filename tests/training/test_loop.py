from collections.abc import Iterable

import numpy as np
import pytest
import torch
from torch import nn

from datasets.errors import SplitError
from datasets.loaders import SceneTensors
from training.loop import EpochRow, FitResult, NonFiniteLossError, Progress, fit, train_epoch, validate
from training.models import build_model
from training.optimizer import build_optimizer
from training.spec import LoopSpec, ModelSpec, OptimizerSpec

CPU = torch.device("cpu")


def learnable(seed: int, shape: tuple[int, ...] = (4, 2, 16, 16)) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise whose class is the sign of the first channel; a border without labels."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    y = (x[:, 0] > 0).long()
    y[:, :2] = 255
    return x, y


def scene(seed: int, name: str = "a") -> SceneTensors:
    x, y = learnable(seed, (1, 2, 21, 30))
    return SceneTensors(scene_id=name, x=x[0], y=y[0].numpy().astype(np.uint8))


def unet() -> nn.Module:
    torch.manual_seed(0)
    return build_model(ModelSpec(params={"filters": [8, 8]}), task="segmentation", in_channels=2, n_outputs=2)


class Dial(nn.Module):
    """A network whose val loss is set from outside, epoch by epoch."""

    def __init__(self, losses: list[float]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.losses = iter(losses)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        zeros = torch.zeros(x.shape[0], 2, *x.shape[2:]) + 0 * self.weight
        if self.training:
            return zeros
        # softmax cross-entropy of class 0 is log(1 + exp(b - a)): choose b - a to give the wanted loss.
        loss = next(self.losses)
        return zeros + torch.tensor([0.0, float(np.log(np.expm1(loss)))])[None, :, None, None]


def run(model: nn.Module, *, max_epochs: int, patience: int = 99, batches: int = 1, **more: object) -> FitResult:
    water = SceneTensors(scene_id="w", x=torch.zeros(2, 4, 4), y=np.zeros((4, 4), np.uint8))
    return fit(
        model,
        lambda epoch: [learnable(epoch)] * batches,
        lambda: [water],
        n_classes=2,
        loop=LoopSpec(batch_size=4, batches_per_epoch=batches, max_epochs=max_epochs, patience=patience),
        optimizer_spec=OptimizerSpec(lr=1e-2, schedule="none"),
        device=CPU,
        **more,  # type: ignore[arg-type]
    )


def test_a_unet_learns_what_can_be_learnt() -> None:
    result = fit(
        unet(),
        lambda epoch: [learnable(100 * epoch + k) for k in range(10)],
        lambda: [scene(1), scene(2)],
        n_classes=2,
        loop=LoopSpec(batch_size=4, batches_per_epoch=10, max_epochs=8),
        optimizer_spec=OptimizerSpec(lr=1e-2, restart_epochs=8),
        device=CPU,
    )
    assert result.history[-1].val_accuracy > 0.95
    assert result.history[-1].val_loss < 0.5 * result.history[0].val_loss
    assert result.history[-1].train_loss < result.history[0].train_loss


def test_training_stops_after_patience_epochs_without_a_better_loss() -> None:
    result = run(Dial([5.0, 3.0, 4.0, 3.0, 3.5, 1.0]), max_epochs=6, patience=3)
    assert [round(row.val_loss, 3) for row in result.history] == [5.0, 3.0, 4.0, 3.0, 3.5]
    assert result.best_epoch == 1, "an equal loss is no better one"


def test_training_goes_on_while_the_loss_improves() -> None:
    result = run(Dial([5.0, 5.5, 4.0, 4.5, 3.0, 3.5, 2.0, 2.5]), max_epochs=8, patience=2)
    assert len(result.history) == 8
    assert result.best_epoch == 6


def test_patience_of_one_stops_at_the_first_worse_epoch() -> None:
    assert len(run(Dial([1.0, 2.0, 0.5]), max_epochs=3, patience=1).history) == 2


def test_the_best_weights_are_kept_not_the_last() -> None:
    model = Dial([3.0, 1.0, 2.0])
    weights: list[float] = []
    kept: list[int] = []

    def log(row: EpochRow) -> None:
        weights.append(model.weight.item())
        model.weight.data += 1.0

    result = run(model, max_epochs=3, log=log, keep=lambda epoch, state: kept.append(epoch))
    assert kept == [0, 1]
    assert result.best_state["weight"].item() == pytest.approx(weights[1])
    assert model.weight.item() != pytest.approx(weights[1])


def test_every_epoch_trains_in_train_mode() -> None:
    class Witness(Dial):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            modes.append(self.training)
            return super().forward(x)

    modes: list[bool] = []
    run(Witness([3.0, 2.0, 1.0]), max_epochs=3, batches=2)
    assert modes == [True, True, False] * 3


def test_batch_norm_learns_in_every_epoch() -> None:
    model = unet()
    means: list[torch.Tensor] = []
    norm = next(m for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    run(model, max_epochs=3, log=lambda row: means.append(norm.running_mean.clone()))  # type: ignore[union-attr]
    assert not torch.equal(means[0], means[1])
    assert not torch.equal(means[1], means[2])


def test_a_loss_that_is_not_finite_stops_before_the_weights_move() -> None:
    model = unet()
    x, y = learnable(0)
    bad = x.clone()
    bad[0, 0, 5, 5] = float("inf")
    optimizer = build_optimizer(OptimizerSpec(), model.parameters())
    before: dict[str, torch.Tensor] = {}

    def note(state: Progress) -> None:
        before.update({name: value.clone() for name, value in model.named_parameters()})

    with pytest.raises(NonFiniteLossError, match=r"train loss in epoch 7, batch 1 is nan"):
        train_epoch(model, [(x, y), (bad, y)], optimizer, None, epoch=7, device=CPU, progress=note)
    assert all(torch.equal(value, before[name]) for name, value in model.named_parameters())


def test_a_val_loss_that_is_not_finite_names_epoch_and_scene() -> None:
    bad = scene(1, "20180101T000000_dmi")
    bad.x[:] = float("nan")
    with pytest.raises(NonFiniteLossError, match="val loss in epoch 3, scene 20180101T000000_dmi"):
        validate(unet(), [bad], n_classes=2, epoch=3, device=CPU)


def test_val_scenes_without_labels_are_an_error() -> None:
    empty = SceneTensors(scene_id="e", x=torch.zeros(2, 4, 4), y=np.full((4, 4), 255, np.uint8))
    with pytest.raises(SplitError, match="no val scene has a labelled pixel"):
        validate(unet(), [empty], n_classes=2, epoch=0, device=CPU)


def test_val_loss_weighs_pixels_not_scenes() -> None:
    model = unet()
    big, small = scene(1), scene(2)
    mostly_masked = SceneTensors(scene_id="m", x=small.x, y=np.where(np.arange(21)[:, None] < 20, 255, small.y))
    loss_big, matrix_big = validate(model, [big], n_classes=2, epoch=0, device=CPU)
    loss_small, matrix_small = validate(model, [mostly_masked], n_classes=2, epoch=0, device=CPU)
    loss, matrix = validate(model, [big, mostly_masked], n_classes=2, epoch=0, device=CPU)
    assert matrix == matrix_big + matrix_small
    assert loss == pytest.approx((loss_big * matrix_big.n + loss_small * matrix_small.n) / matrix.n)


def test_train_loss_weighs_pixels_not_batches() -> None:
    model = unet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    (x, y), mostly_masked, empty = learnable(0), learnable(0)[1].clone(), torch.full((4, 16, 16), 255)
    mostly_masked[:, 3:] = 255
    batches = [(x, y), (x, mostly_masked), (x, empty)]
    seen: list[Progress] = []
    loss, patches = train_epoch(model, batches, optimizer, None, epoch=0, device=CPU, progress=seen.append)
    pixels = [int((labels != 255).sum()) for _, labels in batches]
    assert pixels == [4 * 14 * 16, 4 * 16, 0]
    assert loss == pytest.approx(np.average([state.loss for state in seen], weights=pixels))
    assert patches == 12


def test_progress_comes_after_every_batch_and_every_epoch() -> None:
    seen: list[Progress] = []
    result = run(Dial([2.0, 1.0]), max_epochs=2, batches=2, progress=seen.append)
    assert [(p.epoch, p.batch, p.row is not None) for p in seen] == [
        (0, 1, False), (0, 2, False), (0, 2, True), (1, 1, False), (1, 2, False), (1, 2, True),
    ]  # fmt: skip
    assert tuple(p.row for p in seen if p.row is not None) == result.history


def test_the_rate_of_an_epoch_is_that_of_its_first_batch() -> None:
    rows: list[EpochRow] = []
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]] = [learnable(0)] * 4
    fit(
        unet(),
        lambda epoch: batches,
        lambda: [scene(1)],
        n_classes=2,
        loop=LoopSpec(batch_size=4, batches_per_epoch=4, max_epochs=3),
        optimizer_spec=OptimizerSpec(lr=0.1, restart_epochs=2),
        device=CPU,
        log=rows.append,
    )
    assert [row.lr for row in rows] == pytest.approx([0.1, 0.05, 0.1])
    assert all(row.patches_per_second > 0 for row in rows)
    assert set(rows[0].metrics()) >= {"lr", "train/loss", "val/loss", "val/f1", "val/accuracy"}
