"""The memory-bound model, against traffic counted by hand; on any machine."""

import pytest
import torch
from torch import nn

from tests.gpu.benchmarks.memory_model import traffic_of
from training.models import build_network
from training.spec.protocols import ICEBENCH_UNET

PIXELS = 8 * 8


def traffic(*layers: nn.Module, value_bytes: int = 4) -> tuple[float, float]:
    found = traffic_of(nn.Sequential(*layers).to("meta"), (3, 8, 8), 2, value_bytes=value_bytes)
    return found.forward / value_bytes, found.backward / value_bytes


def test_a_convolution_reads_its_input_and_weights_and_writes_its_output() -> None:
    forward, backward = traffic(nn.Conv2d(3, 5, 1, bias=False))
    assert forward == 3 * PIXELS + 5 * PIXELS + 15 / 2
    # What comes back and the input are read, the gradient of the weights is written (the input wants none).
    assert backward >= 5 * PIXELS + 3 * PIXELS
    assert backward <= 5 * PIXELS + 2 * 3 * PIXELS + 3 * 15


def test_a_relu_reads_and_writes_and_lower_precision_moves_half() -> None:
    forward, _ = traffic(nn.Conv2d(3, 5, 1, bias=False), nn.ReLU())
    assert forward == 3 * PIXELS + 5 * PIXELS + 15 / 2 + 2 * 5 * PIXELS
    assert traffic(nn.Conv2d(3, 5, 1, bias=False), nn.ReLU(), value_bytes=2)[0] == forward


def test_views_move_nothing() -> None:
    assert traffic(nn.Conv2d(3, 5, 1, bias=False), nn.Flatten())[0] == traffic(nn.Conv2d(3, 5, 1, bias=False))[0]


def test_the_published_unet_moves_some_hundred_megabytes_per_patch() -> None:
    with torch.device("meta"):
        model = build_network(ICEBENCH_UNET)
    found = traffic_of(model, (16, 256, 256), 16, value_bytes=2)
    assert 0.1e9 < found.step < 0.6e9
    assert found.backward > found.forward
    assert found.step == pytest.approx(traffic_of(model, (16, 256, 256), 4, value_bytes=2).step, rel=0.01)
