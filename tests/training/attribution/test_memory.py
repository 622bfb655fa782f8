"""Patches at a time: measured, and halved where the GPU says no."""

import pytest
import torch

from tests.training.attribution.explained import C, K, frozen, tensor
from training.attribution.memory import Parts, memory_at_hand, patches_at_once
from training.attribution.settings import AttributionError
from training.models.unet import UNet


def test_parts_cover_all_rows_and_halve_when_memory_is_short() -> None:
    asked, done = [], []

    def work(part: slice) -> slice:
        asked.append(part.stop - part.start)
        if part.stop - part.start > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        done.extend(range(part.start, part.stop))
        return part

    parts = Parts(16)
    assert len(list(parts.each(20, work))) == 10
    assert done == list(range(20))
    assert asked[:3] == [16, 8, 4]
    assert parts.at_once == 2, "later batches begin with what fitted"
    assert not list(parts.each(0, work))


def test_no_room_for_one_patch_is_one_sentence() -> None:
    def work(_: slice) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(AttributionError, match=r"no memory to explain one patch: .* use feature_ablation"):
        list(Parts(2).each(2, work))


def test_what_a_patch_takes_is_measured() -> None:
    small, large = (frozen(UNet(C, K, filters=filters)) for filters in ([4, 4], [32, 32]))
    x = tensor(1, C, 32, 32)
    budget = 50 << 20
    few, many = patches_at_once(large, x, K, budget), patches_at_once(small, x, K, budget)
    assert 1 <= few < many
    assert patches_at_once(small, x, K, 1) == 1
    assert patches_at_once(small, x, K, 1 << 40) == 64
    # 64 channels of ReLU and convolution outputs at full size are the least that the large one keeps
    assert few <= budget // (2 * 64 * 32 * 32 * 4)
    assert memory_at_hand(torch.device("cpu")) == 2 << 30
