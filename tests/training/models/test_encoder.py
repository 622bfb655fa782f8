"""Which part of a network is its encoder: one rule, for networks of every source."""

import pytest
import torch
from torch import nn

from training.models import AnySize, build_model, build_network, count_parameters
from training.models.encoder import encoder_of
from training.spec import ModelSpec, SpecError, Task, TrialSpec


class Declared(nn.Module):
    """A network of a user's own with an encoder."""

    def __init__(self, in_channels: int, n_outputs: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(in_channels, 4, 2, stride=2), nn.BatchNorm2d(4))
        self.decoder = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(4, n_outputs, 1))

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.decoder(self.encoder(x_BCHW))
        return y


class Undeclared(nn.Module):
    """One without."""

    def __init__(self, in_channels: int, n_outputs: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(in_channels, n_outputs, 1)

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.layer(x_BCHW)
        return y


def any_size(in_channels: int, n_outputs: int) -> nn.Module:
    return AnySize(Declared(in_channels, n_outputs), 2)


HERE = __name__
BEHIND = [
    ("unet", "pixel", {}, {"up", "outlet"}),
    ("deeplabv3", "pixel", {}, {"aspp", "fuse", "head"}),
    ("smp:unet", "pixel", {"encoder_name": "resnet18"}, {"network.decoder", "network.segmentation_head"}),
    ("smp:fpn", "pixel", {"encoder_name": "tu-resnet10t"}, {"network.decoder", "network.segmentation_head"}),
    ("cnn", "patch", {}, {"head"}),
    ("resnet50", "patch", {}, {"fc"}),
    ("densenet121", "patch", {}, {"classifier"}),
    ("timm:resnet10t", "patch", {}, {"fc"}),
    ("timm:vit_tiny_patch16_224", "patch", {}, {"head"}),
    ("timm:deit_tiny_distilled_patch16_224", "patch", {}, {"head", "head_dist"}),
    ("timm:convnext_femto", "patch", {}, {"head.fc"}),
    (f"{HERE}:Declared", "pixel", {}, {"decoder"}),
    (f"{HERE}:any_size", "pixel", {}, {"network.decoder"}),
]


@pytest.mark.parametrize(("name", "task", "params", "behind"), BEHIND)
def test_all_but_the_encoder_is_behind_it(name: str, task: Task, params: dict[str, object], behind: set[str]) -> None:
    with torch.device("meta"):
        model = build_model(ModelSpec(name=name, params=params), task=task, in_channels=4, n_outputs=6)
    encoder = encoder_of(model, name)
    own = {id(parameter) for parameter in encoder.parameters}
    for each, parameter in model.named_parameters():
        is_behind = any(each.startswith(f"{part}.") for part in behind)
        assert (id(parameter) in own) != is_behind, each
    still = {id(module) for module in encoder.modules}
    norms = [each for each, module in model.named_modules() if isinstance(module, nn.BatchNorm2d | nn.LayerNorm)]
    for each in norms:
        is_behind = any(each.startswith(f"{part}.") for part in behind)
        assert (id(model.get_submodule(each)) in still) != is_behind, each
    assert id(model) not in still


@pytest.mark.parametrize(
    "name", ["unet", "deeplabv3", "smp:unet", "timm:convnext_femto", f"{HERE}:Declared", f"{HERE}:any_size"]
)
def test_a_linear_head_is_all_that_is_trained_of_a_linear_probe(name: str) -> None:
    spec = TrialSpec().with_all({"model.name": name, "model.head": "linear", "model.freeze": "encoder"})
    model = build_network(spec)
    trained = [each for each, parameter in model.named_parameters() if parameter.requires_grad]
    assert trained
    assert all(each.removeprefix("network.").startswith("head.") for each in trained)
    assert 0 < count_parameters(model, trainable=True) < count_parameters(model)


@pytest.mark.parametrize("name", [f"{HERE}:Undeclared", "floor:linear"])
@pytest.mark.parametrize(
    "change", [{"model.freeze": "encoder"}, {"optimizer.encoder_lr_factor": 0.1}, {"model.head": "linear"}]
)
def test_a_network_without_an_encoder_is_refused_in_one_sentence(name: str, change: dict[str, object]) -> None:
    spec = TrialSpec().with_all({"model.name": name, **change})
    with pytest.raises(SpecError, match=f"{name}.* an attribute `encoder`|{name}' has none: give") as refused:
        build_network(spec)
    assert "\n" not in str(refused.value)


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(SpecError, match=r"encoder_lr_factor is for an encoder that is trained"):
        TrialSpec().with_all({"model.freeze": "encoder", "optimizer.encoder_lr_factor": 0.1})
    with pytest.raises(SpecError, match=r"model.head = 'linear' is for pixel-based trials"):
        TrialSpec().with_all({"data.task": "patch", "model.name": "cnn", "model.head": "linear"})
