"""Batch norms folded into convolutions: every network of ours gives what it gave, and where it would not, none is."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import segmentation_models_pytorch as smp
import timm
import torch
from torch import nn
from torch.nn import functional

from training.models import NETWORKS, build_model
from training.models.folding import foldable, folded
from training.spec import ModelSpec, Task

NORMS = {"unet": 18, "deeplabv3": 17, "cnn": 3, "alexnet": 0, "vgg16": 0, "resnet50": 53, "resnet101": 104}
NORMS |= {"resnet152": 155, "densenet121": 59}
"""Of the networks of the benchmark: those that are folded. Half of DenseNet's stand before a convolution."""


def trained(model: nn.Module) -> nn.Module:
    """With statistics and weights of batch norm that are far from those of the start."""
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is not None:
            assert module.running_var is not None
            module.running_mean.normal_(0.0, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2.0, generator=generator)
            if module.affine:
                nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
                nn.init.normal_(module.bias, 0.0, 0.3, generator=generator)
    return model.eval()


def check(model: nn.Module, x: torch.Tensor) -> int:
    """How many batch norms are folded; the copy gives the same to 1e-4 of the largest, and the network is untouched."""
    trained(model)
    before = copy.deepcopy(model.state_dict())
    pairs = foldable(model, x)
    copied = folded(model, pairs)
    with torch.no_grad():
        wanted, found = model(x), copied(x)
    assert (wanted - found).abs().max() <= 1e-4 * wanted.abs().max()
    assert torch.equal(wanted, found) is not bool(pairs) or not pairs
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    return len(pairs)


def built(name: str, task: Task, size: int, **params: Any) -> tuple[nn.Module, torch.Tensor]:  # noqa: ANN401
    torch.manual_seed(1)
    head = {"head": params.pop("head")} if "head" in params else {}
    spec = ModelSpec.model_validate({"name": name, "params": params, **head})
    return build_model(spec, task=task, in_channels=5, n_outputs=6), torch.randn(2, 5, size, size)


@pytest.mark.parametrize("name", NETWORKS)
def test_how_many_batch_norms_of_the_benchmark_are_folded(name: str) -> None:
    with torch.device("meta"):
        assert len(foldable(*built(name, NETWORKS[name].task, 64))) == NORMS[name]


@pytest.mark.parametrize("size", [33, 64, 96])
def test_a_tensor_that_is_gone_is_not_taken_for_one_that_came_after_it(size: int) -> None:
    with torch.device("meta"):
        pairs = foldable(*built("densenet121", "patch", size))
    within = {(conv.rpartition(".")[0], norm.rpartition(".")[0]) for conv, norm in pairs}
    assert all(first == second for first, second in within)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, folds in NORMS.items() if folds])
def test_every_network_of_the_benchmark_gives_the_same(name: str) -> None:
    assert check(*built(name, NETWORKS[name].task, 33)) == NORMS[name]


@pytest.mark.slow
@pytest.mark.parametrize("architecture", [name for name in smp.MODEL_ARCHITECTURES_MAPPING if name != "dpt"])
def test_every_architecture_of_smp_gives_the_same(architecture: str) -> None:
    encoder = "mit_b0" if architecture == "segformer" else "resnet18"
    model, x = built(f"smp:{architecture}", "pixel", 33, encoder_name=encoder)
    norms = sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    assert check(model, x) == norms - (10 if architecture == "pspnet" else 0), "PSPNet leaves two stages out"


@pytest.mark.parametrize(
    ("name", "task", "params", "folds"),
    [
        ("timm:resnet18", "patch", {}, 20),
        ("timm:resnet18", "pixel", {"head": "linear"}, 20),
        ("unet", "pixel", {"head": "linear"}, 10),
        ("timm:mobilenetv3_small_050", "patch", {}, 0),  # its batch norms have an activation in them
        ("timm:convnext_atto", "patch", {}, 0),  # layer norm
        ("timm:resnetv2_50d_gn", "patch", {}, 0),  # group norm
    ],
)
def test_networks_of_timm_and_linear_heads_give_the_same(
    name: str, task: Task, params: dict[str, Any], folds: int
) -> None:
    assert not name.startswith("timm:") or timm.is_model(name.removeprefix("timm:"))
    assert check(*built(name, task, 64, **params)) == folds


class Layers(nn.Module):
    """A convolution and a batch norm, put together by a function."""

    def __init__(self, forward: Callable[["Layers", torch.Tensor], torch.Tensor], **layers: nn.Module) -> None:
        super().__init__()
        self.conv = nn.Conv2d(5, 5, 3, padding=1)
        self.bn: nn.Module = nn.BatchNorm2d(5)
        self._forward = forward
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._forward(self, x)


class Standardized(nn.Conv2d):
    """A convolution whose weights are computed."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.conv2d(x, self.weight - self.weight.mean(), self.bias, padding=1)


class NormAndMore(nn.BatchNorm2d):
    """A batch norm that does more."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).relu()


def taken_twice(own: Layers, x: torch.Tensor) -> torch.Tensor:
    y = own.conv(x)
    return own.bn(y) + y  # type: ignore[no-any-return]


def changed_between(own: Layers, x: torch.Tensor) -> torch.Tensor:
    return own.bn(own.conv(x).relu_())  # type: ignore[no-any-return]


def plain(own: Layers, x: torch.Tensor) -> torch.Tensor:
    return own.bn(own.conv(x))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("forward", "layers", "folds"),
    [
        (plain, {}, 1),
        (plain, {"bn": nn.SyncBatchNorm(5)}, 1),
        (plain, {"bn": nn.BatchNorm2d(5, affine=False)}, 1),
        (plain, {"conv": nn.Conv2d(5, 5, 3, stride=2, padding=2, dilation=2, groups=5, padding_mode="reflect")}, 1),
        (plain, {"conv": nn.ConvTranspose2d(5, 5, 2, stride=2, bias=False)}, 1),
        (plain, {"conv": nn.ConvTranspose2d(5, 5, 2, stride=2, groups=5)}, 0),
        (plain, {"bn": nn.BatchNorm2d(5, track_running_stats=False)}, 0),
        (plain, {"conv": Standardized(5, 5, 3)}, 0),
        (plain, {"conv": nn.utils.parametrizations.weight_norm(nn.Conv2d(5, 5, 3))}, 0),
        (plain, {"bn": NormAndMore(5)}, 0),
        (taken_twice, {}, 0),
        (changed_between, {}, 0),
        (lambda own, x: own.conv(own.bn(x)), {}, 0),
        (lambda own, x: own.bn(own.conv(own.conv(x))), {}, 0),
        (lambda own, x: own.bn(own.bn(own.conv(x))), {}, 0),
    ],
)
def test_a_pair_is_folded_where_nothing_else_needs_it(
    forward: Callable[[Layers, torch.Tensor], torch.Tensor], layers: dict[str, nn.Module], folds: int
) -> None:
    assert check(Layers(forward, **layers), torch.randn(2, 5, 9, 9)) == folds


def test_a_layer_that_code_has_under_two_names_is_folded_for_both() -> None:
    model = Layers(lambda own, x: own.chain(x))
    model.chain = nn.Sequential(model.conv, model.bn)
    assert check(model, torch.randn(2, 5, 9, 9)) == 1
