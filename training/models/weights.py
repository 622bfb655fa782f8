"""Loads tensors of a file into a network: which are loaded, adapted, or start fresh, and which do not fit.

The layers behind the features (heads) always start fresh. The first convolution of weights for other channels (3 of
photographs, 12 of Sentinel-2, 2 of Sentinel-1) is adapted by timm's rule (`timm.models.adapt_input_conv`): its kernels
are repeated over our channels in order and scaled by their number over ours, so that the sum over channels keeps its
size; for one channel of ours they are added up. `model.inputs` chooses which of our channels come first. Everything
else must fit by name and shape.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from training.spec import SpecError

_NESTED = ("state_dict", "model", "state")
"""Keys below which files keep their tensors: Lightning and timm, torchvision's recipes, checkpoints of trials."""

# torchvision's DenseNet files are older than its names: `norm.1` is `norm1` now.
_DENSENET = re.compile(r"^(.*denselayer\d+\.(?:norm|conv))\.([12]\..+)$")


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """A network, or the part of one, that a file of weights may be of.

    Attributes:
        module: The network, or the part of it.
        fresh: Beginnings of the names that are not loaded, whether the file has them or not.
        part: Whether the file may hold more, because the module is only the first part of the file's network.
    """

    module: nn.Module
    fresh: tuple[str, ...] = ()
    part: bool = False


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Tensors by name, on the CPU, of a file of torch or safetensors; runs no code from it; raises SpecError."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, UnpicklingError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SpecError(
            f"{str(path)!r} cannot be read as weights ({reason}): give a .pth or .safetensors file of tensors"
        ) from error
    for key in _NESTED:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(tensor, torch.Tensor) for tensor in content.values()):
        raise SpecError(f"{str(path)!r} holds no tensors by name: save the state_dict() of a network")
    return {_DENSENET.sub(r"\1\2", name): tensor for name, tensor in content.items()}


def load_weights(
    receivers: Sequence[Receiver], tensors: Mapping[str, torch.Tensor], in_channels: int, *, network: str, path: Path
) -> None:
    """Loads the tensors of a file into the receiver that shares most names with them; of equal ones the first.

    Raises:
        SpecError: The first tensor that does not fit; nothing was loaded.
    """
    receiver = max(receivers, key=lambda each: len(each.module.state_dict().keys() & tensors.keys()))
    own = receiver.module.state_dict()
    if misfit := first_misfit(own, tensors, in_channels, fresh=receiver.fresh, part=receiver.part):
        raise SpecError(f"the weights {str(path)!r} do not fit {network!r}: {misfit}; give weights of the same network")
    kept = {
        name: tensor if tensor.shape == own[name].shape else adapt(tensor, in_channels)
        for name, tensor in tensors.items()
        if name in own and not name.startswith(receiver.fresh)
    }
    nn.Module.load_state_dict(receiver.module, {**own, **kept})


def first_misfit(
    own: Mapping[str, torch.Tensor],
    tensors: Mapping[str, torch.Tensor],
    in_channels: int,
    *,
    fresh: tuple[str, ...] = (),
    part: bool = False,
) -> str | None:
    """Why `tensors` cannot be loaded into a network whose state is `own`; None when they fit."""
    first = first_convolution(own)
    for name, mine in own.items():
        if name.startswith(fresh) or name.endswith("num_batches_tracked"):  # files of old torch lack these counters
            continue
        if name not in tensors:
            return f"the file has no {name!r} (it begins with {next(iter(tensors), 'nothing')!r})"
        if tensors[name].shape != mine.shape and not (name == first and _adaptable(tensors[name], mine, in_channels)):
            return f"{name!r} is {list(tensors[name].shape)} in the file and {list(mine.shape)} in the network"
    for name in tensors:
        if not part and name not in own and not name.startswith(fresh):
            return f"the network has no {name!r}"
    return None


def adapt(weight_FCHW: torch.Tensor, in_channels: int) -> torch.Tensor:
    """Kernels (F, C, h, w) of a first convolution for `in_channels` channels, by timm's rule."""
    theirs = weight_FCHW.shape[1]
    if in_channels == 1:
        return weight_FCHW.sum(dim=1, keepdim=True)
    return weight_FCHW.repeat(1, -(-in_channels // theirs), 1, 1)[:, :in_channels] * (theirs / in_channels)


def first_convolution(own: Mapping[str, torch.Tensor]) -> str | None:
    """Name of the kernels of the first convolution of a network's state."""
    return next((name for name, tensor in own.items() if tensor.ndim == 4 and name.endswith("weight")), None)


def first_channels(own: Mapping[str, torch.Tensor], tensors: Mapping[str, torch.Tensor]) -> int | None:
    """Channels that the first convolution of a file is for, where the file has that of the network."""
    name = first_convolution(own)
    return int(tensors[name].shape[1]) if name is not None and name in tensors else None


def _adaptable(theirs: torch.Tensor, mine: torch.Tensor, in_channels: int) -> bool:
    """Whether both are kernels of a first convolution, for some channels and for ours."""
    shapes = [(each.shape[0], *each.shape[2:]) for each in (theirs, mine)]
    return theirs.ndim == mine.ndim == 4 and mine.shape[1] == in_channels and shapes[0] == shapes[1]
