"""The networks of the benchmark as a table: `network_rows`, and `network_table` for a terminal."""

from dataclasses import dataclass

import torch
from rich.table import Table

from training.models.benchmark import NETWORKS, OTHERS
from training.models.build import build_model, count_parameters
from training.spec import ModelSpec, Task


@dataclass(frozen=True, kw_only=True)
class NetworkRow:
    """One network of the benchmark.

    Attributes:
        name: Value of `model.name`.
        task: Value of `data.task` that it is for.
        parameters: Trainable parameters with the asked channels and outputs.
        params: Names that `model.params` may hold.
        imagenet: Whether `model.pretrained: imagenet` is possible.
    """

    name: str
    task: Task
    parameters: int
    params: tuple[str, ...]
    imagenet: bool


def network_rows(in_channels: int = 16, n_outputs: int = 6) -> list[NetworkRow]:
    """Every network of the benchmark; they are built on the meta device, without values."""
    rows = []
    for name, network in NETWORKS.items():
        with torch.device("meta"):
            model = build_model(ModelSpec(name=name), task=network.task, in_channels=in_channels, n_outputs=n_outputs)
        rows.append(
            NetworkRow(
                name=name,
                task=network.task,
                parameters=count_parameters(model),
                params=network.params,
                imagenet=network.imagenet is not None,
            )
        )
    return rows


def network_table(in_channels: int = 16, n_outputs: int = 6) -> Table:
    """The rows for a terminal, with a line on the other ways to name a network."""
    others = f"further values of model.name: {', '.join(OTHERS)}"
    title = f"networks with {in_channels} channels and {n_outputs} outputs"
    table = Table(title=title, caption=others, min_width=len(others))  # a caption is as wide as its table
    for column in ("model.name", "data.task"):
        table.add_column(column)
    table.add_column("parameters", justify="right")
    for column in ("ImageNet weights", "model.params"):
        table.add_column(column)
    for row in network_rows(in_channels, n_outputs):
        table.add_row(row.name, row.task, f"{row.parameters:,}", "yes" if row.imagenet else "-", ", ".join(row.params))
    return table
