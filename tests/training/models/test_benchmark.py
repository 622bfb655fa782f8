"""The nine networks of the benchmark."""

import pytest
import torch

from training.models import NETWORKS, build_model, count_parameters
from training.spec import ModelSpec, SpecError

PUBLISHED = {
    "unet": (7, 490_231),
    "deeplabv3": (7, 1_431_047),
    "cnn": (6, 23_526),
    "alexnet": (6, 57_055_302),
    "vgg16": (6, 134_292_614),
    "resnet50": (6, 23_561_094),
    "resnet101": (6, 42_553_222),
    "resnet152": (6, 58_196_870),
    "densenet121": (6, 7_000_774),
}


def build(name: str, in_channels: int = 16, n_outputs: int = 6, **params: object) -> torch.nn.Module:
    spec = ModelSpec(name=name, params=params)
    return build_model(spec, task=NETWORKS[name].task, in_channels=in_channels, n_outputs=n_outputs)


def test_the_nine_networks_of_the_benchmark_are_there() -> None:
    assert NETWORKS.keys() == PUBLISHED.keys()


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_number_of_parameters_is_the_published_one(name: str) -> None:
    outputs, count = PUBLISHED[name]
    with torch.device("meta"):
        assert count_parameters(build(name, 16, outputs)) == count


def test_the_default_is_the_published_unet() -> None:
    model = build_model(ModelSpec(), task="pixel", in_channels=16, n_outputs=7)
    assert count_parameters(model) == 490_231


@pytest.mark.slow
@pytest.mark.parametrize("size", [64, 100, 224])
@pytest.mark.parametrize("name", [name for name, network in NETWORKS.items() if network.task == "patch"])
def test_a_patch_becomes_one_row_of_logits(name: str, size: int) -> None:
    with torch.device("meta"):
        assert build(name)(torch.empty(2, 16, size, size)).shape == (2, 6)


@pytest.mark.parametrize("name", [name for name, network in NETWORKS.items() if network.task == "patch"])
def test_patches_of_32_pixels_are_large_enough(name: str) -> None:
    with torch.device("meta"):
        assert build(name)(torch.empty(2, 16, 32, 32)).shape == (2, 6)


@pytest.mark.parametrize("size", [(37, 53), (64, 64), (1, 1), (130, 9)])
@pytest.mark.parametrize("name", [name for name, network in NETWORKS.items() if network.task == "pixel"])
def test_a_scene_becomes_logits_of_its_size(name: str, size: tuple[int, int]) -> None:
    with torch.device("meta"):
        assert build(name).eval()(torch.empty(1, 16, *size)).shape == (1, 6, *size)


@pytest.mark.parametrize("name", ["unet", "deeplabv3", "cnn", "resnet50", "densenet121"])
def test_the_gradient_reaches_the_kernels_of_every_channel(name: str) -> None:
    torch.manual_seed(0)
    model = build(name, 3, 4)
    model(torch.randn(2, 3, 64, 64)).square().sum().backward()
    first = next(model.parameters())
    assert first.shape[1] == 3
    assert first.grad is not None
    assert first.grad.abs().sum(dim=(0, 2, 3)).gt(0).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["alexnet", "vgg16", "resnet101", "resnet152"])
def test_the_gradient_reaches_the_kernels_of_every_channel_of_the_large_ones(name: str) -> None:
    test_the_gradient_reaches_the_kernels_of_every_channel(name)


@pytest.mark.parametrize("name", ["unet", "deeplabv3", "cnn", "densenet121"])
def test_weights_follow_from_torchs_seed(name: str) -> None:
    states = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        states.append(build(name).state_dict())
    first, same, other = states
    assert all(torch.equal(first[key], same[key]) for key in first)
    assert not torch.equal(next(iter(first.values())), next(iter(other.values())))


def test_parameters_of_a_network() -> None:
    assert NETWORKS["unet"].params == ("filters",)
    assert NETWORKS["cnn"].params == ()
    assert NETWORKS["vgg16"].params == ("first_layer",)


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("cnn", {"filters": [4]}, "model.params.filters is no parameter of 'cnn': allowed are none"),
        ("resnet50", {"first_layer": "frozen"}, "first_layer = 'frozen' is not allowed: give 'adapted' or 'random'"),
    ],
)
def test_bad_parameters_are_refused(name: str, params: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        build(name, **params)
