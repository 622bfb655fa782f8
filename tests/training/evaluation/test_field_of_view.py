import pytest
import segmentation_models_pytorch as smp
import torch
from torch import nn
from torch.nn import functional

from training.evaluation.field_of_view import FARTHEST, FieldOfView, field_of_view
from training.models.unet import UNet


def conv(channels: int, **how: object) -> nn.Conv2d:
    return nn.Conv2d(channels, 2, 3, **how)


class Grown(nn.Module):
    """Halves and doubles the size."""

    def __init__(self, mode: str, **how: object) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.mode, self.how = mode, how

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        height, width = x.shape[2:]
        size = {"size": (height, width)} if self.how.get("align_corners") else {"scale_factor": 2}
        return functional.interpolate(self.pool(x), mode=self.mode, **size, **self.how)[..., :height, :width]


@pytest.mark.parametrize(
    ("network", "reach", "stride"),
    [
        (nn.Conv2d(2, 3, 1), 0, 1),
        (conv(2, padding=1), 1, 1),
        (nn.Sequential(conv(2, padding=1), nn.ReLU(), conv(2, padding=1)), 2, 1),
        (conv(2, padding=5, dilation=5), 5, 1),
        (conv(2, padding=300, dilation=300), 300, 1),  # sees far and nothing between
        (Grown("nearest"), 0, 2),  # nothing crosses from one cell of 2 pixels to the next
        (Grown("bilinear", align_corners=False), 1, 2),  # the pixel beside a cell has a part of it
    ],
)
def test_reach_and_stride_of_known_networks(network: nn.Module, reach: int, stride: int) -> None:
    assert field_of_view(network, 2) == FieldOfView(reach=reach, stride=stride)


def test_a_network_that_sees_to_one_side_only() -> None:
    class Back(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + functional.pad(x, (7, 0, 0, 0))[..., : x.shape[3]]

    assert field_of_view(Back(), 1) == FieldOfView(reach=7, stride=1)


def test_what_zero_weights_and_closed_gates_hide_is_seen() -> None:
    network = nn.Sequential(conv(2, padding=1), nn.BatchNorm2d(2), nn.ReLU(), conv(2, padding=4, dilation=4))
    for parameter in network.parameters():
        nn.init.constant_(parameter, -1.0 if parameter.ndim == 1 else 0.0)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert field_of_view(network, 2) == FieldOfView(reach=5, stride=1)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert network.training, "only a copy is put in eval mode"


def test_torch_draws_the_same_after_a_measurement() -> None:
    network = conv(2, padding=1)
    torch.manual_seed(3)
    wanted = torch.rand(4)
    torch.manual_seed(3)
    field_of_view(network, 2)
    assert torch.equal(torch.rand(4), wanted)


@pytest.mark.slow
def test_unet_has_the_stride_of_its_levels() -> None:
    assert field_of_view(UNet(3, 2, filters=(2, 2, 2, 2)), 3) == FieldOfView(reach=109, stride=16)
    assert field_of_view(UNet(3, 2, filters=(2, 2)), 3).stride == 4


class GlobalMean(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + x.mean(dim=(2, 3), keepdim=True)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(2, 1, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        small = functional.avg_pool2d(x, 32)
        tokens = small.flatten(2).transpose(1, 2)
        found = self.attention(tokens, tokens, tokens)[0].transpose(1, 2).reshape(small.shape)
        return functional.interpolate(found, scale_factor=32)


@pytest.mark.parametrize(
    ("network", "why"),
    [
        (GlobalMean(), f"sees more than {FARTHEST} pixels"),
        (nn.Sequential(nn.Conv2d(2, 2, 1), nn.GroupNorm(1, 2)), f"sees more than {FARTHEST} pixels"),
        (Attention(), f"sees more than {FARTHEST} pixels"),
        (conv(2, padding=FARTHEST + 1, dilation=FARTHEST + 1), f"sees more than {FARTHEST} pixels"),
        (Grown("bilinear", align_corners=True), "depends on where in the scene the pixel is"),
        (nn.Conv2d(2, 2, 3), "could not be measured .it answers"),
        (nn.Conv2d(5, 2, 3), "could not be measured .Given groups=1"),
    ],
)
def test_networks_that_tiles_cannot_reproduce_say_why(network: nn.Module, why: str) -> None:
    found = field_of_view(network, 2)
    assert not found.limited
    assert why.replace(".", "(") in found.why_not
    assert (found.reach, found.stride) == (0, 0)


@pytest.mark.slow
def test_networks_of_smp() -> None:
    linknet = smp.Linknet("resnet18", encoder_weights=None, in_channels=2, classes=2)
    assert field_of_view(linknet, 2).why_not.startswith("it could not be measured (Wrong input shape"), "odd scenes"
    plus = smp.DeepLabV3Plus("resnet18", encoder_weights=None, in_channels=2, classes=2)
    assert not field_of_view(plus, 2).limited
