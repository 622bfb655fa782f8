import pytest
import torch
from torch import nn

from training.models import AnySize


class Picky(nn.Module):
    """Gives back its input, of sides that are multiples of 8 and at least 16."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert all(side % 8 == 0 and side >= 16 for side in x.shape[-2:])
        return x


@pytest.mark.parametrize("size", [(1, 1), (16, 24), (17, 23), (40, 9)])
def test_every_pixel_comes_back_where_it_was(size: tuple[int, int]) -> None:
    x = torch.randn(2, 3, *size)
    assert torch.equal(AnySize(Picky(), 8, 16)(x), x)


def test_the_border_is_repeated() -> None:
    seen = []

    class Spy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x)
            return x

    AnySize(Spy(), 4)(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
    assert seen[0][0, 0].tolist() == [[1, 2, 2, 2], [3, 4, 4, 4], [3, 4, 4, 4], [3, 4, 4, 4]]
