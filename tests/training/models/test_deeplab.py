import pytest
import torch
from torch import nn
from torch.nn import functional as F

from training.models.deeplab import DeepLabV3, WindowPooling

CELL, REACH = 64, 448


def published_pooling(ours: WindowPooling, x: torch.Tensor) -> torch.Tensor:
    """The pooled branch as IceBench has it: whole windows only, stretched to the size of the map."""
    pooled = nn.AvgPool2d(8, 8)(x)
    for layer in list(ours)[1:]:
        pooled = layer(pooled)
    return F.interpolate(pooled, size=x.shape[-2:], mode="bilinear", align_corners=False)


@pytest.mark.parametrize("size", [(8, 8), (16, 24), (32, 32)])
def test_on_whole_windows_the_pooled_branch_is_the_published_one(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    branch = WindowPooling(4, 5).eval()
    x = torch.randn(2, 4, *size)
    torch.testing.assert_close(branch(x), published_pooling(branch, x))


def test_windows_that_the_border_cuts_are_means_of_the_cells_that_exist() -> None:
    branch = WindowPooling(1, 1).eval()
    with torch.no_grad():
        branch[1].weight.fill_(1.0)
    # A padded window would pull the means of the border towards 0.
    torch.testing.assert_close(
        branch(torch.full((1, 1, 11, 3), 2.0)), torch.full((1, 1, 11, 3), 2.0), rtol=1e-4, atol=0
    )


@pytest.mark.parametrize("size", [16, 32, 48])
def test_it_trains_on_patches_below_64_pixels(size: int) -> None:
    model = DeepLabV3(2, 3)
    model(torch.randn(2, 2, size, size)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_an_output_sees_no_farther_than_it_says() -> None:
    torch.manual_seed(0)
    model = DeepLabV3(1, 1).eval()
    x = torch.randn(1, 1, 2 * REACH + CELL, 64, requires_grad=True)
    for centre in (REACH, REACH + CELL - 1):
        model(x)[0, 0, centre, 30].backward()
        assert x.grad is not None
        lines = x.grad[0, 0].ne(0).any(dim=1).nonzero()
        x.grad = None
        assert centre - lines.min() <= REACH
        assert lines.max() - centre <= REACH
        assert lines.max() - lines.min() > 500  # and it does see far


def test_a_part_of_a_scene_gives_what_the_whole_scene_gives() -> None:
    torch.manual_seed(0)
    model = DeepLabV3(1, 2).eval()
    scene = torch.randn(1, 1, 2 * REACH + 3 * CELL + 7, 70)
    top = 2 * CELL
    with torch.no_grad():
        whole, part = model(scene), model(scene[:, :, top:])
    torch.testing.assert_close(whole[:, :, top + REACH :], part[:, :, REACH:])
