"""What families of networks say of names and parameters."""

import pytest
from torch import nn

from datasets.errors import UnknownNameError
from training.models.library import built, first_line, refuse_reserved, unknown_of_many
from training.spec import SpecError


def test_the_nearest_of_many_names_are_told() -> None:
    names = ["resnet18", "resnet34", "vgg16"]
    nearest = str(unknown_of_many("net", "resnet1", names, "X"))
    assert "the nearest of 3 are resnet18, resnet34; python -c 'X' lists them" in nearest
    assert "none of 3 is near" in str(unknown_of_many("net", "qqq", names, "X"))


def test_a_parameter_that_the_trial_decides_is_refused() -> None:
    refuse_reserved("smp:unet", ["depth"], {"classes": "the trial"})
    with pytest.raises(SpecError, match=r"model.params.classes of 'smp:unet' is not free: the trial decides it"):
        refuse_reserved("smp:unet", ["depth", "classes"], {"classes": "the trial"})


def test_whatever_stops_a_network_is_one_sentence() -> None:
    def fails() -> nn.Module:
        raise RuntimeError("sizes differ\nand more")

    def unknown() -> nn.Module:
        raise UnknownNameError("no such encoder")

    assert isinstance(built("x", lambda: nn.Conv2d(1, 1, 1)), nn.Conv2d)
    with pytest.raises(SpecError, match=r"'x' cannot be built with these model.params .RuntimeError: sizes differ.:"):
        built("x", fails)
    with pytest.raises(UnknownNameError, match="no such encoder"):
        built("x", unknown)
    with pytest.raises(SpecError, match=r"'x' makes a int: it must make a torch.nn.Module"):
        built("x", lambda: 3)
    assert first_line(KeyError()) == "KeyError"
