"""The loss against torch's own, sums that add up, and unlabelled pixels, which must not count."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from datasets.labels import CHARTS, IGNORE
from training.loop.losses import Loss
from training.models.heads import heads_of
from training.spec import TrialSpec

SPEC = TrialSpec().with_("data.targets", ["SOD"])
HEADS = heads_of(SPEC)


def example(seed: int = 0, shape: tuple[int, ...] = (3, 5, 7)) -> tuple[torch.Tensor, torch.Tensor]:
    draws = torch.Generator().manual_seed(seed)
    outputs = 3 * torch.randn(shape[0], 6, *shape[1:], generator=draws)
    y = torch.randint(0, 6, (shape[0], 1, *shape[1:]), generator=draws).to(torch.uint8)
    y[:, :, 0] = IGNORE
    return outputs, y


def loss_of(spec: TrialSpec, outputs: torch.Tensor, y: torch.Tensor, **more: object) -> torch.Tensor:
    loss = Loss(spec.loss, heads_of(spec), **more)  # type: ignore[arg-type]
    return loss.value(loss.sums(outputs, y))


def test_cross_entropy_is_the_mean_over_labelled_pixels() -> None:
    outputs, y = example()
    expected = functional.cross_entropy(outputs, y[:, 0].long(), ignore_index=IGNORE)
    assert loss_of(SPEC, outputs, y).item() == pytest.approx(expected.item(), rel=1e-6)


def test_patches_have_the_same_loss_as_pixels() -> None:
    outputs, y = example(shape=(4, 1, 1))
    y[:] = 2
    assert loss_of(SPEC, outputs[..., 0, 0], y[..., 0, 0]).item() == pytest.approx(loss_of(SPEC, outputs, y).item())


@pytest.mark.parametrize("name", ["cross_entropy", "focal", "dice"])
def test_unlabelled_pixels_count_for_nothing_and_have_no_gradient(name: str) -> None:
    spec = SPEC.with_("loss.name", name).with_("loss.focal_gamma", 0.5)
    outputs, y = example()
    outputs.requires_grad_()
    value = loss_of(spec, outputs, y)
    value.backward()
    assert outputs.grad is not None
    assert torch.isfinite(outputs.grad).all()
    assert (outputs.grad[:, :, 0] == 0).all()
    changed = outputs.detach().clone()
    changed[:, :, 0] += 100.0
    assert loss_of(spec, changed, y).item() == pytest.approx(value.item())


@pytest.mark.parametrize("name", ["cross_entropy", "focal", "dice"])
def test_nothing_labelled_is_a_loss_of_zero_with_zero_gradient(name: str) -> None:
    outputs, y = example()
    outputs.requires_grad_()
    value = loss_of(SPEC.with_("loss.name", name), outputs, torch.full_like(y, IGNORE))
    value.backward()
    assert value.item() == pytest.approx(0.0)
    assert outputs.grad is not None
    assert (outputs.grad == 0).all()


def test_focal_loss_by_its_formula() -> None:
    outputs, y = example()
    p = outputs.softmax(dim=1).gather(1, torch.where(y == IGNORE, 0, y).long())[y != IGNORE]
    expected = (-((1 - p) ** 2) * p.log()).mean()
    assert loss_of(SPEC.with_("loss.name", "focal"), outputs, y).item() == pytest.approx(expected.item(), rel=1e-5)


def test_focal_loss_without_gamma_is_cross_entropy() -> None:
    outputs, y = example()
    focal = SPEC.with_all({"loss.name": "focal", "loss.focal_gamma": 0.0})
    assert loss_of(focal, outputs, y).item() == pytest.approx(loss_of(SPEC, outputs, y).item(), rel=1e-5)


def test_dice_is_half_cross_entropy_and_half_overlap() -> None:
    y = torch.randint(0, 6, (1, 1, 8, 8), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    perfect = 60.0 * functional.one_hot(y[:, 0].long(), 6).movedim(-1, 1)
    dice = SPEC.with_("loss.name", "dice")
    assert loss_of(dice, perfect, y).item() == pytest.approx(0.0, abs=1e-3)
    wrong = loss_of(dice, perfect.roll(1, dims=1), y)
    assert wrong.item() == pytest.approx((60.0 + 0.93) / 2, abs=0.06), "no overlap: 1 - 1 / (pixels + 1) per class"


def test_class_weights_multiply_the_pixels_of_their_class() -> None:
    outputs, y = example()
    weights = (0.0, 1.0, 2.0, 0.5, 1.0, 3.0)
    each = functional.cross_entropy(outputs, y[:, 0].long(), ignore_index=IGNORE, reduction="none")
    labelled = y[:, 0] != IGNORE
    table = torch.tensor(weights)[torch.where(labelled, y[:, 0], 0).long()]
    expected = (each * table)[labelled].sum() / labelled.sum()
    assert loss_of(SPEC, outputs, y, class_weights={"SOD": weights}).item() == pytest.approx(expected.item(), rel=1e-5)


def test_three_heads_are_weighed_and_each_has_its_own_unlabelled_pixels() -> None:
    spec = TrialSpec().with_all(
        {
            "data.targets": ["SIC", "SOD", "FLOE"],
            "loss.sic": "regression",
            "loss.task_weights": {"SIC": 1.0, "SOD": 3.0, "FLOE": 2.0},
        }
    )
    heads = heads_of(spec)
    assert [(head.first, head.width) for head in heads] == [(0, 1), (1, 6), (7, 7)]
    draws = torch.Generator().manual_seed(3)
    outputs = torch.randn(2, 14, 4, 4, generator=draws)
    y = torch.stack(
        [torch.randint(0, CHARTS[name].n_classes, (2, 4, 4), generator=draws) for name in ("SIC", "SOD", "FLOE")], dim=1
    ).to(torch.uint8)
    y[0, 0], y[1, 2] = IGNORE, IGNORE
    expected = (
        (outputs[1, 0] - y[1, 0]).square().mean()
        + 3 * functional.cross_entropy(outputs[:, 1:7], y[:, 1].long())
        + 2 * functional.cross_entropy(outputs[:1, 7:], y[:1, 2].long())
    )
    assert loss_of(spec, outputs, y).item() == pytest.approx(expected.item(), rel=1e-5)
    classes = heads[0].classes(outputs * 20)
    assert classes.dtype == torch.uint8
    assert np.array_equal(classes, (outputs[:, 0] * 20).round().clamp(0, 10).byte())


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(["cross_entropy", "focal", "dice"]), st.integers(1, 5), st.integers(0, 1000))
def test_sums_of_parts_are_the_sums_of_the_whole(name: str, cut: int, seed: int) -> None:
    loss = Loss(SPEC.with_("loss.name", name).loss, HEADS)
    outputs, y = example(seed, (6, 5, 4))
    whole = loss.sums(outputs, y)
    parts = loss.sums(outputs[:cut], y[:cut]) + loss.sums(outputs[cut:], y[cut:])
    torch.testing.assert_close(parts.flat(), whole.flat())
    assert loss.value(parts.double()).item() == pytest.approx(loss.value(whole.double()).item(), rel=1e-5)


def test_half_precision_outputs_are_counted_in_float32() -> None:
    outputs, y = example(shape=(1, 300, 300))
    sums = Loss(SPEC.loss, HEADS).sums(outputs.bfloat16(), y)
    assert sums.count.item() == 299 * 300
    assert sums.total.dtype == torch.float32
