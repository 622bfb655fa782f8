"""Which family builds a network, and names and tasks that none has."""

import pytest

from datasets.errors import UnknownNameError
from training.models import build_model
from training.spec import ModelSpec, SpecError, Task


@pytest.mark.parametrize(
    ("name", "near"), [("u-net", "unet"), ("resnet-50", "resnet50"), ("vgg-16", "vgg16"), ("deeplab", "deeplabv3")]
)
def test_unknown_names_are_refused_with_the_nearest(name: str, near: str) -> None:
    with pytest.raises(UnknownNameError, match=rf"known are unet, .*timm:NAME.*did you mean '{near}'"):
        build_model(ModelSpec(name=name), task="pixel", in_channels=3, n_outputs=6)


@pytest.mark.parametrize(
    ("name", "task", "others"),
    [("unet", "patch", "cnn, alexnet"), ("resnet50", "pixel", "unet, deeplabv3")],
)
def test_a_network_of_the_other_task_is_refused(name: str, task: Task, others: str) -> None:
    with pytest.raises(SpecError, match=f"data.task is '{task}': choose one of {others}"):
        build_model(ModelSpec(name=name), task=task, in_channels=3, n_outputs=6)
