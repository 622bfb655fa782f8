"""A linear layer behind the maps of an encoder."""

import pytest
import timm
import torch
from torch import nn
from torch.nn import functional as F

from training.evaluation.field_of_view import field_of_view
from training.models import build_model
from training.models.linear_head import LinearHead, maps_of
from training.spec import ModelSpec, SpecError


class Pyramid(nn.Module):
    """Two maps, of strides 1 and 2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fine, self.coarse = nn.Conv2d(channels, 3, 1), nn.Conv2d(channels, 5, 2, stride=2)

    def forward(self, x_BCHW: torch.Tensor) -> list[torch.Tensor]:
        return [x_BCHW, self.fine(x_BCHW), self.coarse(x_BCHW)]


class Crooked(nn.Module):
    """An encoder whose map is no part of the sides of its input."""

    def __init__(self, in_channels: int, n_outputs: int) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(in_channels, 4, 3)


def build(name: str, channels: int = 4, **params: object) -> nn.Module:
    spec = ModelSpec(name=name, params=params, head="linear")
    return build_model(spec, task="pixel", in_channels=channels, n_outputs=6).eval()


def test_it_is_one_linear_layer_of_all_maps_at_full_size() -> None:
    head = LinearHead(Pyramid(2), [(3, 1), (5, 2)], n_outputs=6)
    x = torch.randn(2, 2, 8, 10)
    fine, coarse = maps_of(head.encoder, x)
    side_by_side = torch.cat([fine, F.interpolate(coarse, size=(8, 10), mode="bilinear")], dim=1)
    weight = torch.cat([layer.weight for layer in head.head], dim=1)
    torch.testing.assert_close(head(x), F.conv2d(side_by_side, weight, head.head[0].bias))


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("unet", {}),
        ("deeplabv3", {}),
        ("smp:unet", {"encoder_name": "resnet18"}),
        ("smp:segformer", {"encoder_name": "mit_b0"}),
        ("smp:unet", {"encoder_name": "tu-swin_tiny_patch4_window7_224", "img_size": 64, "strict_img_size": False}),
        ("timm:resnet10t", {"out_indices": [1, 3]}),
        ("timm:vit_tiny_patch16_224", {"img_size": 64, "dynamic_img_size": True, "depth": 2, "out_indices": [1]}),
        ("timm:swin_tiny_patch4_window7_224", {"img_size": 64, "strict_img_size": False}),
    ],
)
def test_encoders_of_every_source_take_scenes_of_any_size(name: str, params: dict[str, object]) -> None:
    assert build(name, **params)(torch.zeros(1, 4, 70, 65)).shape == (1, 6, 70, 65)


def test_what_it_sees_can_be_measured_so_scenes_are_cut_in_tiles() -> None:
    assert field_of_view(build("unet", filters=[4, 4]), 4).limited


def test_the_maps_of_timm_are_those_of_its_network() -> None:
    params = {"depth": 2, "img_size": 32, "out_indices": [0, 1]}
    torch.manual_seed(0)
    theirs = timm.create_model("vit_tiny_patch16_224", features_only=True, in_chans=4, **params).eval()
    torch.manual_seed(0)
    model = build("timm:vit_tiny_patch16_224", **params)
    x = torch.randn(1, 4, 32, 32)
    for mine, other in zip(model.network.encoder(x), theirs(x), strict=True):
        assert torch.equal(mine, other)


def test_an_encoder_without_maps_that_fit_is_refused_in_one_sentence() -> None:
    with pytest.raises(SpecError, match=r"its encoder does not return maps .*\(1, 4, 126, 126\)"):
        build(f"{__name__}:Crooked")
    with pytest.raises(SpecError, match=r"'timm:vit_tiny_patch16_224' cannot be built .*index 99 is out of range"):
        build("timm:vit_tiny_patch16_224", out_indices=[99])
