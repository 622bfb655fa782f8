"""The networks of the benchmark as a table for a terminal."""

import torch
from rich.table import Table

from training.models.benchmark import NETWORKS, OTHERS
from training.models.build import build_model, count_parameters
from training.spec import ModelSpec


def network_table(in_channels: int = 16, n_outputs: int = 6) -> Table:
    """Every network of the benchmark with its size, and a line on the other ways to name a network.

    Networks are built on the meta device, without values.
    """
    others = f"further values of model.name: {', '.join(OTHERS)}"
    title = f"networks with {in_channels} channels and {n_outputs} outputs"
    table = Table(title=title, caption=others, min_width=len(others))  # a caption is as wide as its table
    for column in ("model.name", "data.task"):
        table.add_column(column)
    table.add_column("parameters", justify="right")
    for column in ("ImageNet weights", "model.params"):
        table.add_column(column)
    for name, network in NETWORKS.items():
        with torch.device("meta"):
            model = build_model(ModelSpec(name=name), task=network.task, in_channels=in_channels, n_outputs=n_outputs)
        weights = "yes" if network.imagenet else "-"
        table.add_row(name, network.task, f"{count_parameters(model):,}", weights, ", ".join(network.params))
    return table
