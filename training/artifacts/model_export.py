"""A trained network as an MLflow model that takes physical units: `mlflow.pytorch.load_model` gives it back.

It is pickled with the code of its classes, so that the project need not be there to load it. A traced graph (MLflow's
`pt2`) would be safer to open, but tracing fixes relations between the sizes of a map: the U-Net traced at 64 x 64
refuses 70 x 65.
"""

import importlib
import re
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from datasets.channels import CHANNELS
from datasets.loading.normalize import DECIBELS, Normalization
from datasets.plural import plural
from training.spec import SpecError

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

_SIDES: Final = (32, 64, 128)
"""Sides of the example in pixels, smallest first; the example is stored as text."""
_ALWAYS_NEEDED: Final = ("mlflow", "torch", "numpy", "cloudpickle")


class PhysicalModel(nn.Module):
    """A network behind the normalization of its training scenes.

    Shapes: B batch, C channels, H lines, W samples.

    Args:
        network: Takes (B, C, H, W) normalized channels.
        mean: One per channel, in its unit.
        std: One per channel, in its unit.
        linear: For each channel that is given in dB and that the network takes in linear units, the decibels by which
            a value there is ten times as large; None for the others.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(
        self,
        network: nn.Module,
        mean: Sequence[float],
        std: Sequence[float],
        linear: Sequence[float | None] | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.linear = list(linear or [])
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32)[:, None, None])
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32)[:, None, None])

    def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) float32 in physical units, NaN = no data -> what the network gives (logits)."""
        if any(self.linear):
            rows = zip(x_BCHW.unbind(1), self.linear, strict=True)
            x_BCHW = torch.stack([x if decibels is None else 10 ** (x / decibels) for x, decibels in rows], dim=1)
        out: torch.Tensor = self.network(((x_BCHW - self.mean) / self.std).nan_to_num(0.0, 0.0, 0.0))
        return out


def export_model(
    model: nn.Module,
    normalization: Normalization,
    *,
    channels: Sequence[str],
    task: str,
    patch_size: int,
    folder: Path,
) -> Path:
    """Writes the network with its normalization as an MLflow model; touches no run, no server and not the network.

    Args:
        model: Takes (B, C, H, W) normalized channels, on any device; exported in eval mode on the CPU.
        normalization: Of its training scenes.
        channels: Names in the order of C.
        task: What it does, for the reader of the model: `pixel` or `patch`.
        patch_size: Side of a training patch in pixels; no example is larger.
        folder: To be made; must not be there, or be empty.

    Returns:
        The folder, for `Tracker.log_model`.

    Raises:
        SpecError: The normalization is of other channels, or the network does not take an example of `patch_size`.
    """
    import mlflow.pytorch
    from mlflow.models import Model
    from mlflow.utils.logging_utils import suppress_logs

    if tuple(channels) != normalization.channels:
        raise SpecError(
            f"the model has channels {', '.join(channels)} and its normalization {', '.join(normalization.channels)}: "
            "give both in the same order"
        )
    decibels = DECIBELS.get(normalization.sar)
    linear = [decibels if CHANNELS[name].units == "dB" else None for name in channels]
    physical = PhysicalModel(deepcopy(model).cpu(), normalization.mean, normalization.std, linear).eval()
    example_BCHW, output = _example(physical, normalization, patch_size)
    # MLflow warns of pickles at every export, which is our choice, and of its own type hints when it is imported.
    quiet = suppress_logs("mlflow.pytorch", re.compile("Pickle or CloudPickle"))
    with quiet, warnings.catch_warnings(), _code_inside(physical):
        warnings.filterwarnings("ignore", message=".*Any type hint is inferred as AnyType")
        mlflow.pytorch.save_model(
            physical,
            str(folder),
            mlflow_model=Model(),
            signature=_signature(len(normalization.channels), output),
            input_example=example_BCHW,
            pip_requirements=_requirements(physical),
            serialization_format="pickle",
            metadata={
                "channels": list(channels),
                "units": [CHANNELS[name].units for name in channels],
                "task": task,
                "patch_size": patch_size,
            },
        )
    return folder


def _example(model: nn.Module, normalization: Normalization, patch_size: int) -> tuple[NDArray[np.float32], object]:
    """Noise around the mean of every channel, of the smallest side that the network takes; and what it gives."""
    rng = np.random.default_rng(0)
    mean, std = (np.array(row, np.float32)[:, None, None] for row in (normalization.mean, normalization.std))
    sides = [side for side in _SIDES if side < patch_size] + [patch_size]
    for side in sides:
        noise = rng.standard_normal((1, len(mean), side, side), dtype=np.float32)
        example = (mean + std * noise).round(3)
        example[0, :, 0, 0] = np.nan  # no data
        try:
            with torch.no_grad():
                return example, model(torch.from_numpy(example))
        except (RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0]
    raise SpecError(
        f"the network does not take {plural(len(mean), 'channel')} of {patch_size} x {patch_size} pixels ({reason}): "
        "export it with the channels and patch size of its trial"
    )


def _signature(n_channels: int, output: object) -> "ModelSignature":
    """Any batch and any size of a map; outputs are given where they are one tensor."""
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    float32 = np.dtype(np.float32)
    inputs = Schema([TensorSpec(float32, (-1, n_channels, -1, -1))])
    if not isinstance(output, torch.Tensor):
        return ModelSignature(inputs=inputs)
    shape = (-1, output.shape[1], *[-1] * (output.ndim - 2))
    return ModelSignature(inputs=inputs, outputs=Schema([TensorSpec(float32, shape)]))


def _origins(model: nn.Module) -> set[str]:
    """Top-level packages that the classes of a network come from."""
    return {type(part).__module__.partition(".")[0] for part in model.modules()}


@cache
def _owners() -> Mapping[str, list[str]]:
    """Package -> what installed it. Half a second to find out, and the same for every trial of a process."""
    return packages_distributions()


def _requirements(model: nn.Module) -> list[str]:
    """Pinned to what is installed, without a look at the network; a local part (+cu128) is not on the index."""
    owners = _owners()
    names = {*_ALWAYS_NEEDED, *(name for origin in _origins(model) for name in owners.get(origin, ()))}
    return sorted(f"{name}=={version(name).partition('+')[0]}" for name in names if name != "icebench")


@contextmanager
def _code_inside(model: nn.Module) -> Iterator[None]:
    """Pickles classes of this project, and of a user's own modules, with their code."""
    import cloudpickle

    owners = _owners()
    own = {"training", "datasets"} | {
        origin for origin in _origins(model) if origin not in sys.stdlib_module_names and not owners.get(origin)
    }
    own -= {"__main__", *cloudpickle.list_registry_pickle_by_value()}
    modules = [importlib.import_module(name) for name in sorted(own)]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)
