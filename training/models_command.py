"""`python -m training models`: the networks of the benchmark, as they were counted; a test counts them again.

Building all of them to count takes torch and torchvision a quarter of a minute.
"""

from typing import Final, NamedTuple

from rich.table import Table

from datasets.process.terminal import out

IN_CHANNELS: Final = 16
N_OUTPUTS: Final = 6


class Listed(NamedTuple):
    """What a person wants to know of a network; `parameters` are those with 16 channels and 6 outputs."""

    task: str
    parameters: int
    imagenet: bool
    params: tuple[str, ...]


LISTED: Final = {
    "unet": Listed("pixel", 490_214, False, ("filters",)),
    "deeplabv3": Listed("pixel", 1_430_918, True, ("first_layer",)),
    "cnn": Listed("patch", 23_526, False, ()),
    "alexnet": Listed("patch", 57_055_302, True, ()),
    "vgg16": Listed("patch", 134_292_614, True, ("first_layer",)),
    "resnet50": Listed("patch", 23_561_094, True, ("first_layer",)),
    "resnet101": Listed("patch", 42_553_222, True, ("first_layer",)),
    "resnet152": Listed("patch", 58_196_870, True, ("first_layer",)),
    "densenet121": Listed("patch", 7_000_774, True, ("first_layer",)),
}
"""The networks of `training.models.benchmark`."""

OTHERS: Final = ("timm:NAME", "smp:ARCHITECTURE", "floor:NAME", "package.module:Class")
"""How networks that are not of the benchmark are named."""


def models() -> None:
    """List the networks of the benchmark with their size, and how to name others."""
    others = f"further names: {', '.join(OTHERS)}"
    title = f"networks with {IN_CHANNELS} channels and {N_OUTPUTS} outputs"
    table = Table(title=title, caption=others, min_width=len(others))  # a caption is as wide as its table
    for column in ("model.name", "data.task"):
        table.add_column(column)
    table.add_column("parameters", justify="right")
    for column in ("ImageNet weights", "model.params"):
        table.add_column(column)
    for name, network in LISTED.items():
        weights = "yes" if network.imagenet else "-"
        table.add_row(name, network.task, f"{network.parameters:,}", weights, ", ".join(network.params))
    out.print(table)
