from collections.abc import Iterable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from datasets.labels import SIC
from tests.training.evaluation.scene_inputs import TensorInputs
from training.evaluation.sliding import Sliding, nearest_window, window_outputs
from training.models.heads import Head

HEAD = Head(chart=SIC, regression=False, first=0)
lengths, sizes, strides = st.integers(1, 60), st.integers(1, 20), st.integers(1, 25)


@given(lengths, sizes, strides)
def test_windows_start_every_stride_and_the_last_ends_with_the_scene(length: int, size: int, stride: int) -> None:
    starts = Sliding.over((length, size), size, stride).lines.tolist()
    last = max(length - size, 0)
    assert starts == sorted({*range(0, last + 1, stride), last})


@given(lengths, sizes, strides)
def test_each_pixel_has_the_window_with_the_nearest_centre(length: int, size: int, stride: int) -> None:
    starts = Sliding.over((length, size), size, stride).lines
    owners = nearest_window(starts, size, length)
    for pixel in range(length):
        distances = [abs(2 * start + size - 1 - 2 * pixel) for start in starts.tolist()]
        assert owners[pixel] == distances.index(min(distances))


@settings(deadline=None)
@given(st.tuples(st.integers(1, 14), st.integers(1, 14)), st.integers(1, 6), st.integers(1, 7), st.integers(0, 99))
def test_rasters_are_those_of_a_search_over_all_windows(
    shape: tuple[int, int], size: int, stride: int, seed: int
) -> None:
    sliding = Sliding.over(shape, size, stride)
    corners = sliding.corners
    classes = np.random.default_rng(seed).integers(0, 11, len(corners)).astype(np.uint8)
    raster = sliding.raster(classes)
    assert raster.shape == shape
    assert raster.dtype == np.uint8
    centres = corners + (size - 1) / 2
    for line in range(shape[0]):
        for sample in range(shape[1]):
            squared = ((centres - (line, sample)) ** 2).sum(axis=1)
            assert raster[line, sample] == classes[int(squared.argmin())]  # argmin takes the first of equals


def test_windows_are_found_by_their_corners() -> None:
    sliding = Sliding.over((50, 60), 20, 7)
    assert sliding.find(sliding.corners).tolist() == list(range(len(sliding.corners)))
    assert sliding.find(np.array([[0, 1], [3, 0], [30, 40], [31, 40], [99, 99]])).tolist() == [
        -1,
        -1,
        len(sliding.corners) - 1,
        -1,
        -1,
    ]
    assert sliding.find(np.empty((0, 2), int)).size == 0


class Mean(nn.Module):
    """Says the mean of a window, whose pixels are the tenths of their class; notes what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.shapes.append(tuple(x.shape))
        return nn.functional.one_hot(x.mean(dim=(1, 2, 3)).round().long(), 11).float()


def classes_of(batches: Iterable[torch.Tensor]) -> list[int]:
    return [int(number) for outputs in batches for number in HEAD.classes(outputs)]


def by_hand(x: torch.Tensor, corners: np.ndarray, size: int) -> list[int]:
    padded = nn.functional.pad(x, (0, size, 0, size))
    return [round(float(padded[:, line : line + size, sample : sample + size].mean())) for line, sample in corners]


@settings(deadline=None)
@given(st.tuples(st.integers(1, 30), st.integers(1, 30)), st.integers(2, 12), st.integers(1, 15), st.integers(1, 9))
def test_classes_are_those_of_each_window_alone(shape: tuple[int, int], size: int, stride: int, at_once: int) -> None:
    x = torch.from_numpy(np.random.default_rng(0).uniform(0, 10, (2, *shape)).astype(np.float32))
    corners = Sliding.over(shape, size, stride).corners
    model, inputs = Mean(), TensorInputs(x)
    assert classes_of(window_outputs(model, inputs, corners, size, at_once=at_once)) == by_hand(x, corners, size)
    assert all(shape[0] <= at_once and shape[1:] == (2, size, size) for shape in model.shapes)


def test_scattered_windows_are_read_apart_and_in_any_order() -> None:
    x = torch.from_numpy(np.random.default_rng(1).uniform(0, 10, (1, 40, 500)).astype(np.float32))
    corners = np.array([[0, 0], [0, 5], [0, 300], [30, 490], [3, 3], [3, 2]])
    inputs = TensorInputs(x)
    assert classes_of(window_outputs(Mean(), inputs, corners, 10)) == by_hand(x, corners, 10)
    assert [(lines.start, samples.start, samples.stop) for lines, samples in inputs.asked] == [
        (0, 0, 15),
        (0, 300, 310),
        (30, 490, 500),
        (3, 3, 13),
        (3, 2, 12),
    ]


def test_no_window_asks_nothing() -> None:
    inputs = TensorInputs(torch.zeros(1, 4, 4))
    assert list(window_outputs(Mean(), inputs, np.empty((0, 2), np.int64), 3)) == []
    assert not inputs.asked


def test_what_lies_beyond_a_small_scene_is_no_data() -> None:
    class First(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert x.shape == (1, 2, 8, 8)
            assert (x[..., :3, :5] == 4).all()
            assert x.sum() == 4 * 2 * 3 * 5
            return torch.eye(11)[[7]]

    inputs = TensorInputs(torch.full((2, 3, 5), 4.0))
    sliding = Sliding.over((3, 5), 8, 4)
    classes = classes_of(window_outputs(First(), inputs, sliding.corners, 8))
    assert sliding.raster(np.array(classes, np.uint8)).tolist() == [[7] * 5] * 3


@pytest.mark.parametrize("samples", [60, 600])
def test_what_is_read_at_once_does_not_grow_with_the_scene(samples: int) -> None:
    inputs = TensorInputs(torch.zeros(1, 20, samples))
    corners = Sliding.over((20, samples), 10, 5).corners
    assert len(list(window_outputs(Mean(), inputs, corners, 10, at_once=4))) == -(-len(corners) // 4)
    assert max(asked.stop - asked.start for _, asked in inputs.asked) <= 3 * 5 + 10
