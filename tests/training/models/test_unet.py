import pytest
import torch

from training.models import build_model, count_parameters
from training.models.unet import UNet
from training.spec import ModelSpec, SpecError


@pytest.mark.parametrize(
    ("filters", "seven", "six"), [((16, 32, 64, 64), 490_231, 490_214), ((32, 32, 64, 64), 522_727, 522_694)]
)
def test_it_has_the_published_number_of_parameters(filters: tuple[int, ...], seven: int, six: int) -> None:
    assert count_parameters(UNet(16, 7, filters=filters)) == seven
    assert count_parameters(UNet(16, 6, filters=filters)) == six


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 7), (16, 16), (17, 33), (50, 31)])
def test_any_size_goes_in_and_comes_out(size: tuple[int, int]) -> None:
    model = UNet(3, 6, filters=(4, 8, 8)).eval()
    assert model(torch.zeros(2, 3, *size)).shape == (2, 6, *size)


def test_every_parameter_takes_part() -> None:
    model = UNet(3, 6, filters=(4, 8, 8))
    model(torch.randn(2, 3, 16, 16)).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in model.parameters())


def test_the_network_sees_far_and_keeps_detail() -> None:
    model = UNet(1, 2, filters=(4, 8, 8)).eval()
    for parameter in model.parameters():  # no ReLU is closed, whatever was drawn
        parameter.data.abs_()
    x = torch.rand(1, 1, 64, 64, requires_grad=True)
    model(x)[0, 0, 32, 32].backward()
    assert x.grad is not None
    seen = x.grad[0, 0] != 0
    assert seen[32, 32]
    assert seen.any(dim=1).sum() > 40


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"filtres": [4]}, "model.params.filtres is no parameter of 'unet': allowed are filters"),
        ({"filters": "16,32"}, "give a list like"),
        ({"filters": []}, "give a list like"),
        ({"filters": [16, 0]}, "1 or more"),
        ({"filters": [16.5]}, "1 or more"),
        ({"filters": [True]}, "1 or more"),
    ],
)
def test_bad_parameters_are_refused(params: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        build_model(ModelSpec(params=params), task="pixel", in_channels=3, n_outputs=6)
