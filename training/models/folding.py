"""Batch norms folded into the convolutions before them: a network's outputs in eval mode, by fewer operations.

In eval mode a batch norm scales and shifts each feature by fixed numbers, which a convolution before it can do by
itself. That is exact where nothing else takes what the convolution gives, and where each of the two is used once.
Neither names nor code tell so of any network: one is run, and all that torch does for it is watched.
"""

import copy
from collections import Counter
from typing import Any, Final

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

Pair = tuple[str, str]
"""Names of a convolution and of the batch norm behind it."""

_TRANSPOSED: Final = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_CONVOLUTIONS: Final = (nn.Conv1d, nn.Conv2d, nn.Conv3d, *_TRANSPOSED)
_NORMS: Final = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
"""Of these very types: a subclass may do more (timm's batch norms with an activation, standardized weights)."""


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch leaves it untyped
    """Which batch norm takes what which convolution gives.

    An id is that of one tensor only while that is there. What is asked for by its id is therefore a weight, a buffer,
    or kept: what a convolution gave, beside the id of its weight.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.taken = Counter[int]()
        self.given: dict[int, tuple[torch.Tensor, int]] = {}
        self.pairs: list[tuple[int, int, int]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        found = func(*args, **(kwargs or {}))
        self.taken.update({id(each) for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)})
        if func is torch.ops.aten.convolution.default:
            self.given[id(found)] = found, id(args[1])
            self.taken[id(found)] = 0
        elif "batch_norm" in func.name() and args[5] is not True and id(args[0]) in self.given:
            # by its own statistics, not those of the batch
            self.pairs.append((id(args[0]), self.given[id(args[0])][1], id(args[3])))
        return found


def foldable(model: nn.Module, x: torch.Tensor) -> tuple[Pair, ...]:
    """The pairs of a network that can be folded, by what it does with an input `x` in eval mode; weights do not matter.

    A network without any gives none: it has no batch norm, or one that is not alone behind a convolution.
    """
    with torch.no_grad(), _Watch() as watch:
        model.eval()(x)
    convolutions, norms = dict[int, str](), dict[int, str]()
    for name, module in model.named_modules():
        # torch folds transposed convolutions as if they had no groups
        if type(module) in _CONVOLUTIONS and not (type(module) in _TRANSPOSED and module.groups != 1):
            convolutions[id(module._parameters.get("weight"))] = name  # a weight that is computed is none of these
        elif type(module) in _NORMS and module.running_mean is not None:
            norms[id(module.running_mean)] = name
    return tuple(
        (convolutions[weight], norms[statistics])
        for value, weight, statistics in watch.pairs
        if weight in convolutions and statistics in norms
        if all(watch.taken[each] == 1 for each in (value, weight, statistics))
    )


@torch.no_grad()
def folded(model: nn.Module, pairs: tuple[Pair, ...]) -> nn.Module:
    """A copy in eval mode with these pairs folded, in the type of the weights; the network stays as it is."""
    copied = copy.deepcopy(model).eval()
    for convolution, norm in pairs:
        conv: Any = copied.get_submodule(convolution)
        bn: Any = copied.get_submodule(norm)
        statistics = (bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias)
        transposed = isinstance(conv, _TRANSPOSED)
        conv.weight, conv.bias = fuse_conv_bn_weights(conv.weight, conv.bias, *statistics, transpose=transposed)
        # The layer stays where it is, under all names that code has for it, and does nothing.
        vars(bn)["forward"] = _as_it_is
    return copied


def _as_it_is(x: torch.Tensor) -> torch.Tensor:
    return x
