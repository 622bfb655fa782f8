import pytest
import torch

from training.losses import cross_entropy_sum, mean_loss


def test_only_labelled_pixels_count() -> None:
    logits = torch.randn(2, 3, 4, 5)
    y = torch.randint(0, 3, (2, 4, 5))
    y[0] = 255
    y[1, 0] = 255
    total, n = cross_entropy_sum(logits, y)
    by_hand = -torch.log_softmax(logits[1, :, 1:], dim=0).gather(0, y[1:2, 1:]).sum()
    assert int(n) == 15
    assert total.item() == pytest.approx(by_hand.item(), rel=1e-5)
    assert mean_loss(total, n).item() == pytest.approx(by_hand.item() / 15, rel=1e-5)


def test_a_batch_without_labels_adds_nothing_and_is_never_nan() -> None:
    logits = torch.randn(1, 3, 4, 4, requires_grad=True)
    total, n = cross_entropy_sum(logits, torch.full((1, 4, 4), 255))
    loss = mean_loss(total, n)
    loss.backward()
    assert loss.item() == 0.0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_masked_pixels_have_no_gradient() -> None:
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)
    total, _ = cross_entropy_sum(logits, torch.tensor([[[0, 255], [255, 2]]]))
    total.backward()
    assert logits.grad is not None
    assert (logits.grad[0] != 0).all(dim=0).tolist() == [[True, False], [False, True]]


def test_half_precision_logits_are_summed_in_float32() -> None:
    logits = torch.zeros(1, 2, 100, 100, dtype=torch.bfloat16)
    total, n = cross_entropy_sum(logits, torch.zeros(1, 100, 100, dtype=torch.int64))
    assert total.dtype == torch.float32
    assert mean_loss(total, n).item() == pytest.approx(0.693147, rel=1e-5)
