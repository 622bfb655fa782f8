"""Which layers of a network DeepLIFT cannot handle, and a copy of the network in which every one is used once.

DeepLIFT replaces the gradient of a nonlinear layer by the slope between input and baseline, so each nonlinear step must
be a layer of a kind that captum knows, called once in a forward pass. What a network really does is read off the
autograd graph of one forward pass: with frozen weights it holds exactly the steps that depend on the input, also those
without a layer (functional calls, products of two maps).
"""

import copy
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import torch
from captum.attr._core.deep_lift import SUPPORTED_NON_LINEAR
from torch import nn
from torch.nn import functional

_KNOWN: Final = tuple(kind for kind in SUPPORTED_NON_LINEAR if kind is not nn.Softmax)
"""Nonlinear layers with a rule that adds up; that of softmax does not."""

_LINEAR: Final = {
    *("AccumulateGrad", "CopySlices"),
    *("Convolution", "MkldnnConvolution", "NativeBatchNorm", "CudnnBatchNorm", "MiopenBatchNorm", "Addmm", "Mm"),
    *("Add", "Sub", "Rsub", "Neg", "Cat", "Stack", "Mean", "Sum", "AvgPool", "AdaptiveAvgPool", "Upsample"),
    *("Slice", "Select", "Index", "Narrow", "Split", "Unbind", "View", "UnsafeView", "ReshapeAlias", "AsStrided"),
    *("Permute", "Transpose", "T", "Squeeze", "Unsqueeze", "Expand", "Repeat", "Clone", "Copy", "ToCopy", "Alias"),
    *("ConstantPad", "ReplicationPad", "ReflectionPad", "PixelShuffle", "PixelUnshuffle", "Im2Col", "Flip", "Roll"),
}
"""Steps that are affine in their input: autograd names them <step>Backward0, <step>2DBackward0, <step>NdBackward0."""

_SUFFIX: Final = re.compile("(?:[123]D|Nd|WithSizes|Slices|(?:Bilinear|Nearest|Bicubic|BilinearAa)2D|Int)$")

_LINEAR_BY_CONSTANT: Final = ("Mul", "Div", "Bmm", "Matmul")
"""Steps that are linear as long as only one side depends on the input."""


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What one forward pass did.

    Attributes:
        calls: How often each layer with a rule was called, by name.
        foreign: Nonlinear steps that no such layer makes: `layer4.0.act (GELU)`, `relu in features (DenseNet)`.
    """

    calls: dict[str, int]
    foreign: tuple[str, ...]


def survey(model: nn.Module, x_BCHW: torch.Tensor) -> Survey:
    """Runs a network once, in eval mode with frozen weights, and finds its nonlinear steps; any input will do."""
    calls: dict[str, int] = {}
    owners: dict[Any, str] = {}
    boundaries: list[set[Any]] = []
    handles = []
    modules = dict(model.named_modules())
    known = {name for name, module in modules.items() if type(module) in _KNOWN}

    def enter(name: str, inputs: object) -> None:
        if name in known:
            calls[name] = calls.get(name, 0) + 1
        boundaries.append({tensor.grad_fn for tensor in _tensors(inputs)})

    def leave(name: str, outputs: object) -> None:
        inside = boundaries.pop()
        for node in _walk((tensor.grad_fn for tensor in _tensors(outputs)), {*inside, *owners}):
            owners[node] = name

    for name, module in modules.items():
        handles.append(module.register_forward_pre_hook(lambda _, inputs, name=name: enter(name, inputs)))
        handles.append(module.register_forward_hook(lambda _, __, outputs, name=name: leave(name, outputs)))
    try:
        with torch.enable_grad():
            outputs = model(x_BCHW.detach().clone().requires_grad_())
    finally:
        for handle in handles:
            handle.remove()
    foreign: dict[str, None] = {}
    for node in _walk([outputs.grad_fn], set()):
        owner = owners.get(node, "")
        if not _is_linear(node) and owner not in known:
            is_leaf = owner and not any(modules[owner].children())
            kind = type(modules[owner]).__name__
            step = type(node).__name__.split("Backward")[0].lower()
            foreign[f"{owner} ({kind})" if is_leaf else f"{step} in {owner or 'the network'} ({kind})"] = None
    return Survey(calls=calls, foreign=tuple(reversed(foreign)))


class LayerPerCall(nn.Module):
    """Stands where a layer with a rule was, with a layer of its own for every call in a forward pass.

    Each gets a copy of its input: where two such layers follow each other, captum reads the gradient between them
    before the second one's rule has changed it.
    """

    def __init__(self, layer: nn.Module, calls: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_own(layer) for _ in range(calls))
        self._next = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the layer gives."""
        layer = self.layers[self._next]
        self._next = (self._next + 1) % len(self.layers)
        out: torch.Tensor = layer(x.clone())
        return out


class SeparateWindows(nn.Module):
    """Max pooling whose windows overlap, as one whose windows do not: each window is laid out by itself, then pooled.

    captum's rule puts the share of a window at its largest pixel, where another window's share would overwrite it.

    Args:
        pool: Max pooling that is not dilated and gives no indices.
    """

    def __init__(self, pool: nn.MaxPool2d) -> None:
        super().__init__()
        self.kernel, self.stride, self.padding = map(_pair, (pool.kernel_size, pool.stride, pool.padding))
        self.ceil_mode = pool.ceil_mode
        self.pool = nn.MaxPool2d(kernel_size=(1, self.kernel[0] * self.kernel[1]))

    def forward(self, x_BFHW: torch.Tensor) -> torch.Tensor:
        """What the pooling gives: (B, F, H, W) -> (B, F, h, w)."""
        count, features = x_BFHW.shape[:2]
        (height, below), (width, beyond) = (self._size(length, axis) for axis, length in enumerate(x_BFHW.shape[2:]))
        # A repeated border pixel is in its window anyway, so it never changes the maximum.
        sides = (self.padding[1], beyond, self.padding[0], below)
        padded = functional.pad(x_BFHW, sides, mode="replicate") if any(sides) else x_BFHW
        windows = functional.unfold(padded, self.kernel, stride=self.stride)
        windows = windows.reshape(count, features, -1, windows.shape[-1]).transpose(2, 3)
        pooled: torch.Tensor = self.pool(windows)
        return pooled.reshape(count, features, height, width)

    def _size(self, length: int, axis: int) -> tuple[int, int]:
        """Windows along an axis, and pixels to add at its end so that the last one is whole (torch's rule)."""
        kernel, stride, padding = self.kernel[axis], self.stride[axis], self.padding[axis]
        room = length + 2 * padding - kernel
        size = (-(-room // stride) if self.ceil_mode else room // stride) + 1
        if self.ceil_mode and (size - 1) * stride >= length + padding:
            size -= 1
        return size, max(0, (size - 1) * stride + kernel - length - padding)


def used_once(model: nn.Module, calls: dict[str, int]) -> nn.Module:
    """A copy that gives the same, in which every layer of `Survey.calls` works once in a forward pass, not in place."""
    twin = copy.deepcopy(model)
    for name, count in calls.items():
        parent, _, leaf = name.rpartition(".")
        setattr(twin.get_submodule(parent), leaf, LayerPerCall(twin.get_submodule(name), count))
    return twin


def _own(layer: nn.Module) -> nn.Module:
    """A layer like this one."""
    if (
        type(layer) is nn.MaxPool2d
        and layer.kernel_size != layer.stride
        and layer.dilation in (1, (1, 1))
        and not layer.return_indices
    ):
        return SeparateWindows(layer)
    own = copy.deepcopy(layer)
    if isinstance(own, nn.ReLU | nn.LeakyReLU | nn.ELU):
        own.inplace = False
    return own


def _pair(value: int | tuple[int, ...]) -> tuple[int, int]:
    """Lines and samples of a setting that may be one number for both."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _is_linear(node: Any) -> bool:  # noqa: ANN401 (autograd nodes have no public type)
    name = type(node).__name__.split("Backward")[0]
    if name in _LINEAR or _SUFFIX.sub("", name) in _LINEAR:
        return True
    if name in _LINEAR_BY_CONSTANT:
        sides = [side for side, _ in node.next_functions]
        denominator = name == "Div" and len(sides) > 1 and sides[1] is not None
        return sum(side is not None for side in sides) < 2 and not denominator
    return False


def _tensors(value: object) -> Iterator[torch.Tensor]:
    """Tensors of the input or output of a layer that depend on the input of the network."""
    if isinstance(value, torch.Tensor):
        if value.grad_fn is not None:
            yield value
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _tensors(each)


def _walk(starts: Iterable[Any], stop: set[Any]) -> Iterator[Any]:
    """Nodes from the outputs back, without those of `stop` and what is behind them."""
    waiting = [node for node in starts if node is not None]
    seen = set(stop)
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        yield node
        waiting += [before for before, _ in node.next_functions if before is not None]
