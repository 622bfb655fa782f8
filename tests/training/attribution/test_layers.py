"""What DeepLIFT can handle, and the copy of a network that it runs on."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.training.attribution.explained import HEAD, C, K, completeness, explain, frozen, patches_of, tensor
from training.attribution.layers import SeparateWindows, survey, used_once
from training.attribution.settings import AttributionError
from training.models import build_model
from training.spec import ModelSpec, Task


def network(name: str, task: Task, **params: object) -> nn.Module:
    torch.manual_seed(0)
    return frozen(build_model(ModelSpec(name=name, params=params), task=task, in_channels=C, n_outputs=K))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "task", "params"),
    [
        ("unet", "pixel", {}),
        ("deeplabv3", "pixel", {}),
        ("smp:unet", "pixel", {"encoder_name": "resnet18"}),
        ("cnn", "patch", {}),
        ("alexnet", "patch", {}),
        ("resnet50", "patch", {}),
        ("timm:resnet18", "patch", {}),
    ],
)
def test_the_copy_gives_the_same_and_adds_up(name: str, task: Task, params: dict[str, object]) -> None:
    model = network(name, task, **params)
    x, bank = tensor(1, C, 64, 64, seed=1), tensor(1, C, 64, 64, seed=2)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    found = survey(model, x)
    assert not found.foreign
    twin = used_once(model, found.calls)
    for _ in range(2):  # every pass starts with the first call of a shared layer
        assert torch.equal(twin(x), model(x))
    again = survey(twin, x)
    assert set(again.calls.values()) == {1}
    assert sum(found.calls.values()) == len(again.calls)
    assert completeness(explain("deeplift", model, patches_of(model, x), bank)) < 1e-3
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(3, 2, 1), (3, 2, 0), (2, 1, 0), (5, 3, 2), ((3, 2), (2, 1), 1)]
)
def test_windows_laid_out_pool_alike(kernel: int, stride: int, padding: int, ceil_mode: bool) -> None:
    pool = nn.MaxPool2d(kernel, stride, padding, ceil_mode=ceil_mode)
    for sides in ((16, 17), (15, 15), (7, 9), (10, 11), (8, 8)):
        x = tensor(2, 3, *sides)
        assert torch.equal(pool(x), SeparateWindows(pool)(x))


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("timm:convnext_atto", r"\(GELU\).* and \d+ more"),
        ("timm:efficientnet_b0", r"\(SiLU\)"),
        ("densenet121", r"relu in the network \(DenseNet\)"),
    ],
)
def test_what_deeplift_cannot_handle_is_named(name: str, named: str) -> None:
    model = network(name, "patch")
    x = tensor(1, C, 64, 64)
    with pytest.raises(AttributionError, match=rf"DeepLIFT has no rule for .*{named}.* of 'net'.*integrated_gradients"):
        explain("deeplift", model, patches_of(model, x), x)


class Block(nn.Module):
    """One nonlinear step of the given kind."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self.conv = nn.Conv2d(C, K, 3, padding=1)
        self.act = nn.ReLU(inplace=True)
        self.step = step

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.conv(x)
        match self.step:
            case "functional":
                return functional.relu(h)
            case "product":
                return h * h.mean(dim=(2, 3), keepdim=True)
            case "divided":
                return h / (h.detach().abs() + 1) if self.training else 1 / (h + 100)
            case "scaled":
                return self.act(h * 3.0 / 2.0 - 1.0)
            case "joined":
                return torch.cat([self.act(h)[:, :3], functional.avg_pool2d(h, 1)[:, 3:]], dim=1)
            case _:
                return self.act(self.act(h) - 1.0)


@pytest.mark.parametrize(
    ("step", "foreign"),
    [
        ("functional", ("relu in the network (Block)",)),
        ("product", ("mul in the network (Block)",)),
        ("divided", ("reciprocal in the network (Block)", "mul in the network (Block)")),
        ("scaled", ()),
        ("joined", ()),
        ("twice", ()),
    ],
)
def test_steps_without_a_layer_are_found(step: str, foreign: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    found = survey(frozen(Block(step)), tensor(1, C, 8, 8))
    assert set(found.foreign) <= set(foreign)
    assert bool(found.foreign) == bool(foreign)
    assert found.calls.get("act", 0) == {"scaled": 1, "joined": 1, "twice": 2}.get(step, 0)


def test_a_layer_after_another_gets_the_gradient_that_the_rule_has_changed() -> None:
    """captum by itself misses most of the change where pooling follows ReLU directly."""
    torch.manual_seed(0)
    model = frozen(nn.Sequential(nn.Conv2d(C, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, K, 1)))
    x, bank = tensor(2, C, 16, 16, seed=1), tensor(1, C, 16, 16, seed=2)

    class Mean(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.model(x).mean(dim=(2, 3))

    net = Mean()
    assert completeness(explain("deeplift", net, patches_of(net, x), bank)) < 1e-4
    assert HEAD.width == K
