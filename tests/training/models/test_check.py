import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from datasets.errors import UnknownNameError
from training.models import build_model, check_network, check_output
from training.spec import ModelSpec, SpecError, Task, TrialSpec


class Fixed(nn.Module):
    """Answers with whatever `answer` makes of its input; has a batch norm, so that training it leaves traces."""

    def __init__(self, answer: object) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(2)
        self.answer = answer

    def forward(self, x: torch.Tensor) -> object:
        return self.answer(self.norm(x))  # type: ignore[operator]


def check(answer: object, task: Task = "pixel", batch_size: int = 4) -> None:
    check_output(
        Fixed(answer), task=task, in_channels=2, n_outputs=2, patch_size=16, batch_size=batch_size, name="mine"
    )


def depends_on_values(x: torch.Tensor) -> torch.Tensor:
    return x + float(x.sum())  # float() of a tensor without values is an error


def needs_even_sides(x: torch.Tensor) -> torch.Tensor:
    return nn.functional.interpolate(x[..., ::2, ::2], scale_factor=2)[..., : x.shape[-2] // 2 * 2, :]


def refuses_odd_sides(x: torch.Tensor) -> torch.Tensor:
    if x.shape[-1] % 2:
        raise ValueError("odd")
    return x


@pytest.mark.parametrize("answer", [lambda x: x, depends_on_values])
def test_a_network_of_the_right_shape_passes(answer: object) -> None:
    check(answer)


@pytest.mark.parametrize("answer", [lambda x: x.mean((2, 3)), lambda x: depends_on_values(x).mean((2, 3))])
def test_a_classifier_passes(answer: object) -> None:
    check(answer, "patch")


@pytest.mark.parametrize(
    ("answer", "task", "message"),
    [
        (lambda x: (x, x), "pixel", r"'mine' returns a tuple for \(4, 2, 16, 16\): it must return one tensor"),
        (lambda x: {"out": x}, "pixel", "returns a dict"),
        (lambda x: x[:, :1], "pixel", r"returns \(4, 1, 16, 16\) for .*: wanted is \(4, 2, 16, 16\)"),
        (lambda x: x[..., ::2], "pixel", r"returns \(4, 2, 16, 8\)"),
        (lambda x: x, "patch", r"returns \(4, 2, 16, 16\) for .*: wanted is \(4, 2\)"),
        (lambda x: x.mean((2, 3)), "pixel", r"returns \(4, 2\) for .*: wanted is \(4, 2, 16, 16\)"),
        (lambda x: x.argmax(1, keepdim=True).expand(-1, 2, -1, -1), "pixel", "returns torch.int64: logits"),
        (
            lambda x: depends_on_values(x)[:, :1],
            "pixel",
            r"returns \(2, 1, 16, 16\) .*wanted is \(2, 2, 16, 16\)",
        ),
        (needs_even_sides, "pixel", r"returns \(1, 2, 20, 20\) for \(1, 2, 21, 19\)"),
        (refuses_odd_sides, "pixel", r"cannot take a scene of 21 x 19 pixels \(ValueError: odd\).*AnySize"),
        (lambda x: x.nothing, "pixel", r"cannot train on batches of 4 patches of 16 pixels \(AttributeError"),
    ],
)
def test_a_wrong_answer_is_one_sentence(answer: object, task: Task, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        check(answer, task)


@pytest.mark.parametrize("answer", [nn.Dropout2d(), lambda x: depends_on_values(nn.functional.dropout(x))])
def test_the_network_and_the_generator_stay_as_they_were(answer: object) -> None:
    model = Fixed(answer).eval()
    model.norm.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    generator = torch.get_rng_state()
    check_output(model, task="pixel", in_channels=2, n_outputs=2, patch_size=16, batch_size=4)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), generator)
    assert not model.training
    assert model.norm.training


def trial(changes: dict[str, object]) -> TrialSpec:
    return TrialSpec().with_all({"data.channels": ["t2m", "month"], **changes})


PATCHES: dict[str, object] = {"data.task": "patch", "data.patch_size": 64}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"data.targets": ["SIC", "SOD", "FLOE"]},
        {"model.name": "deeplabv3", "data.patch_size": 32},
        {"model.name": "smp:fpn", "model.params": {"encoder_name": "resnet18"}},
        {"model.name": "timm:resnet10t", **PATCHES},
        {"model.name": "vgg16", **PATCHES},
        {"model.name": "timm:swin_tiny_patch4_window7_224", "model.params": {"img_size": 64}, **PATCHES},
    ],
)
def test_a_network_that_can_do_the_trial_passes_and_leaves_the_generator(changes: dict[str, object]) -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    check_network(trial(changes))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data.patch_size": 16, "loop.batch_size": 1}, r"'unet' cannot train on batches of 1 patch of 16 pixels"),
        (
            {"model.name": "alexnet", **PATCHES, "data.patch_size": 16},
            "'alexnet' cannot train on batches",
        ),
        (
            {"model.name": "timm:vit_tiny_patch16_224", **PATCHES},
            r"'timm:vit_tiny_patch16_224' cannot train .*64 pixels .*doesn't match model \(224\)",
        ),
        ({"model.pretrained": "nowhere.pth"}, "there is no file 'nowhere.pth'"),
    ],
)
def test_a_network_that_cannot_is_found(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        check_network(trial(changes))


def test_an_unknown_network_is_found() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'unet'"):
        check_network(trial({"model.name": "unett"}))


@pytest.fixture
def _own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "own_numpy.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Module):\n"
        "    def __init__(self, in_channels, n_outputs):\n"
        "        super().__init__()\n"
        "        self.conv = torch.nn.Conv2d(in_channels, n_outputs, 1)\n"
        "        self.scale = float(self.conv.weight.abs().max())  # impossible without values\n"
        "    def forward(self, x):\n"
        "        return self.conv(x) * self.scale\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("own_numpy", None)


@pytest.mark.usefixtures("_own")
def test_a_network_that_cannot_be_built_without_values_is_built_with_them() -> None:
    check_network(trial({"model.name": "own_numpy:Net"}))
    model = build_model(ModelSpec(name="own_numpy:Net"), task="pixel", in_channels=2, n_outputs=6)
    assert model(torch.zeros(1, 2, 3, 3)).shape == (1, 6, 3, 3)
