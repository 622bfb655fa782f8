from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from training.models import build_model
from training.models.weights import adapt
from training.spec import ModelSpec, SpecError, Task

SOURCE = """
import torch
from torch import nn


class Good(nn.Module):
    def __init__(self, in_channels, n_outputs, width=4):
        super().__init__()
        self.first = nn.Conv2d(in_channels, width, 3, padding=1)
        self.last = nn.Conv2d(width, n_outputs, 1)

    def forward(self, x):
        return self.last(self.first(x).relu())


def make(*, in_channels, n_outputs):
    return Good(in_channels, n_outputs)


class OtherArguments(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()


class Fails(nn.Module):
    def __init__(self, in_channels, n_outputs):
        raise KeyError("no luck\\nat all")


def no_network(in_channels, n_outputs):
    return {"layers": []}


NUMBER = 5
"""


@pytest.fixture(autouse=True)
def _modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "own_networks.py").write_text(SOURCE)
    (tmp_path / "own_broken.py").write_text("def half(:\n")
    (tmp_path / "own_needy.py").write_text("import a_package_that_is_not_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    import sys

    for name in ("own_networks", "own_broken", "own_needy"):
        sys.modules.pop(name, None)


def build(name: str, task: Task = "pixel", pretrained: str | None = None, **params: object) -> torch.nn.Module:
    spec = ModelSpec(name=name, params=params, pretrained=pretrained)
    return build_model(spec, task=task, in_channels=5, n_outputs=6)


@pytest.mark.parametrize("name", ["own_networks:Good", "own_networks:make"])
def test_a_class_or_a_function_makes_the_network(name: str) -> None:
    assert build(name)(torch.zeros(2, 5, 7, 9)).shape == (2, 6, 7, 9)


def test_parameters_reach_the_class() -> None:
    model = build("own_networks:Good", width=9)
    assert model.state_dict()["first.weight"].shape == (9, 5, 3, 3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "own_absent:Good",
            r"cannot be imported \(ModuleNotFoundError: No module named 'own_absent'\); it must",
        ),
        ("own_needy:Good", r"'own_needy' cannot be imported .*a_package_that_is_not_there"),
        ("own_broken:Good", r"'own_broken' cannot be imported \(SyntaxError"),
        (":Good", "cannot be imported"),
        ("own_networks:God", "has no class 'God'; its own classes are Good, OtherArguments, Fails"),
        ("own_networks:NUMBER", "has no class 'NUMBER'"),
        ("own_networks:OtherArguments", r"takes \(channels, classes\) and is called with in_channels, n_outputs \("),
        ("own_networks:Fails", r"'own_networks:Fails' cannot be built with these model.params \(KeyError: 'no luck"),
        ("own_networks:no_network", "'own_networks:no_network' makes a dict: it must make a torch.nn.Module"),
    ],
)
def test_what_is_no_network_is_one_sentence(name: str, message: str) -> None:
    with pytest.raises(SpecError, match=message) as refused:
        build(name)
    assert "\n" not in str(refused.value)


def test_parameters_that_the_class_does_not_take_are_refused() -> None:
    with pytest.raises(
        SpecError, match=r"takes \(in_channels, n_outputs, width=4\) .* unexpected keyword argument 'wdth'"
    ):
        build("own_networks:Good", wdth=3)
    with pytest.raises(SpecError, match=r"model.params.n_outputs of .* is not free"):
        build("own_networks:Good", n_outputs=3)


def test_a_file_of_weights_must_fit_but_for_three_channels(tmp_path: Path) -> None:
    from own_networks import Good  # type: ignore[import-not-found]

    theirs = Good(3, 6).state_dict()
    torch.save(theirs, tmp_path / "weights.pth")
    mine = build("own_networks:Good", pretrained=str(tmp_path / "weights.pth")).state_dict()
    assert torch.equal(mine["last.weight"], theirs["last.weight"])
    torch.testing.assert_close(mine["first.weight"], adapt(theirs["first.weight"], 5))
    message = r"'last.weight' is \[6, 4, 1, 1\] in the file and \[6, 8, 1, 1\] in the network|'first.weight' is"
    with pytest.raises(SpecError, match=message):
        build("own_networks:Good", pretrained=str(tmp_path / "weights.pth"), width=8)
    with pytest.raises(SpecError, match="there are no ImageNet weights for 'own_networks:Good'"):
        build("own_networks:Good", pretrained="imagenet")
