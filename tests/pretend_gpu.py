"""A GPU that is only pretended: tensors of the CPU that say `cuda:0`, and are refused where a GPU would refuse them.

Numbers are computed as ever, so whole trials run on it, what depends on values included. Watched is every call of torch
from Python, in this thread and in those of executors: tensors of two devices in one call, a tensor of the GPU that
NumPy is to read, and (`no_waits`) whatever would make the host wait for the GPU. What happens below Python
(kernels, streams, memory) is not.
"""

import concurrent.futures
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Final

import pytest
import torch
import torch._dynamo  # optimizers do; it compares functions with those that are replaced below
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

GPU: Final = torch.device("cuda", 0)
_CLAIM, _PINNED = "_is_of_the_pretended_gpu", "_is_pinned"
_GETTERS: Final = ("device", "is_cuda", "is_cpu")


class MixedDevicesError(RuntimeError):
    """A call that a GPU would refuse."""


class WaitError(RuntimeError):
    """A call that makes the host wait for all that the GPU was given."""


def is_there(value: object) -> bool:
    """Whether a tensor is on the pretended GPU."""
    return isinstance(value, torch.Tensor) and getattr(value, _CLAIM, False)


def _claimed(value: Any, yes: bool = True) -> Any:  # noqa: ANN401 (a tree of anything)
    for each in tree_leaves(value):
        if isinstance(each, torch.Tensor) and each.device.type != "meta":
            setattr(each, _CLAIM, yes)
    return value


def _is_gpu(device: object) -> bool:
    return isinstance(device, str | torch.device) and torch.device(device).type == "cuda"


def _name(func: Callable[..., Any]) -> str:
    return str(getattr(func, "__name__", func))


_WAITS: Final = {
    *("item", "tolist", "__bool__", "__int__", "__float__", "__index__", "nonzero", "argwhere", "equal", "allclose"),
    *("masked_select", "unique", "bincount", "repeat_interleave", "__contains__", "is_nonzero"),
}
"""Calls whose answer the host has to know."""
_FROM_THE_HOST: Final = {"tensor", "as_tensor"}
_TAKE_ANY: Final = {"copy_", "expand_as", "view_as", "_has_compatible_shallow_copy_type"}
_JOINS: Final = {"cat", "stack", "concat"}
"""Calls that take no number of the CPU beside tensors of a GPU, where others take one without dimensions."""


class PretendGPU(TorchFunctionMode):
    """Watches calls; `watched` counts those that the GPU had a part in."""

    def __init__(self) -> None:
        super().__init__()
        self.waits_allowed = True
        self.watched = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        kwargs = kwargs or {}
        name = _name(func)
        owner = getattr(getattr(func, "__self__", None), "__name__", "")
        if name == "__get__" and owner in _GETTERS:
            there = is_there(args[0])
            return {"device": GPU if there else func(*args), "is_cuda": there, "is_cpu": not there}[owner]
        if name in ("to", "cpu", "cuda"):
            return self._moved(func, name, args, kwargs)
        if name == "pin_memory":
            copied = args[0].clone()
            setattr(copied, _PINNED, True)
            return copied
        if name == "is_pinned":
            return getattr(args[0], _PINNED, False)
        if kwargs.get("pin_memory"):
            made = func(*args, **{**kwargs, "pin_memory": False})
            setattr(made, _PINNED, True)
            return made
        tensors = [each for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)]
        there = [each for each in tensors if is_there(each)]
        wanted = kwargs.get("device")
        if wanted is not None and _is_gpu(wanted):
            if name in _FROM_THE_HOST:
                self._wait(name)
            return _claimed(func(*args, **{**kwargs, "device": "cpu"}))
        if not there:
            return func(*args, **kwargs)
        self.watched += 1
        if name in ("numpy", "__array__"):
            raise TypeError("can't convert cuda:0 device type tensor to numpy: use Tensor.cpu() first")
        if name in _WAITS or (name == "copy_" and len(there) == 1 and not kwargs.get("non_blocking")):
            self._wait(name)
        self._refuse_mixed(name, owner, args, tensors)
        found = func(*args, **kwargs)
        if wanted is not None or name in ("__reduce_ex__", "copy_", "__setitem__", "__set__"):
            if name == "__set__" and owner == "data":
                _claimed(args[0], is_there(args[1]))
            return found
        return _claimed(found)

    def _moved(self, func: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401
        source, to = args[0], {"cpu": "cpu", "cuda": GPU}.get(name)
        for each in (*args[1:], *(kwargs[key] for key in ("device", "other") if key in kwargs)):
            if isinstance(each, torch.Tensor):
                to = GPU if is_there(each) else "cpu"
            elif isinstance(each, str | torch.device):
                to = each
        swap = lambda each: "cpu" if _is_gpu(each) else each  # noqa: E731
        if name == "cuda":
            func, args, kwargs = torch.Tensor.to, (source, "cpu"), {}
        moved = func(*map(swap, args), **{key: swap(each) for key, each in kwargs.items()})
        before, after = is_there(source), is_there(source) if to is None else _is_gpu(to)
        if before != after:
            if moved is source:
                moved = moved.clone()
            pinned = after is False or getattr(source, _PINNED, False) or not source.numel()
            if not (kwargs.get("non_blocking") and pinned):
                self._wait(f"{name} between the host and the GPU")
        return _claimed(moved, after) if before or after else moved

    def _wait(self, what: str) -> None:
        if not self.waits_allowed:
            raise WaitError(f"{what} waits for the GPU")

    def _refuse_mixed(self, name: str, owner: str, args: tuple[Any, ...], tensors: list[torch.Tensor]) -> None:
        if name in _TAKE_ANY or (name in ("__get__", "__set__") and owner in ("data", "grad", "requires_grad")):
            return
        if name in ("__getitem__", "__setitem__"):
            keys = [each for each in tree_leaves(args[1]) if isinstance(each, torch.Tensor)]
            if any(each.dtype == torch.bool and is_there(each) for each in keys):
                self._wait("a mask as index")
            if is_there(args[0]):  # indices of the host are taken there
                if any(not is_there(each) for each in keys) or any(isinstance(each, list) for each in args[1:2]):
                    self._wait("an index of the host")
                if name == "__getitem__" or not keys:
                    return
        strict = name in _JOINS
        lonely = [
            each for each in tensors if not is_there(each) and (each.ndim or strict) and each.device.type == "cpu"
        ]
        if lonely:
            shapes = ", ".join(str(tuple(each.shape)) for each in lonely)
            raise MixedDevicesError(f"{name}: tensors on the CPU ({shapes}) beside tensors on cuda:0")


class _Event:
    def record(self, stream: object = None) -> None: ...
    def synchronize(self) -> None: ...


class _Stream:
    def __init__(self, device: object = None) -> None: ...
    def record_event(self) -> _Event:
        return _Event()


@contextmanager
def pretended(monkeypatch: pytest.MonkeyPatch) -> Iterator[PretendGPU]:
    """A machine with one GPU of 80 GiB."""
    mode = PretendGPU()
    cuda: dict[str, Any] = {
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "get_device_name": lambda device=None: "a pretended GPU",
        "mem_get_info": lambda device=None: (70 << 30, 80 << 30),
        "is_bf16_supported": lambda including_emulation=True: True,
        "Stream": _Stream,
        "Event": _Event,
        "current_stream": lambda device=None: _Stream(),
        "stream": lambda stream: nullcontext(),
        **dict.fromkeys(("synchronize", "reset_peak_memory_stats"), lambda device=None: None),
        **dict.fromkeys(("max_memory_allocated", "memory_reserved", "memory_allocated"), lambda device=None: 1 << 20),
        **dict.fromkeys(("empty_cache",), lambda: None),
        "manual_seed_all": lambda seed: None,
    }
    for name, value in cuda.items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda **how: None)  # none that captures graphs
    make, autocast, groups = torch.Tensor._make_subclass, torch.autocast, torch._C._group_tensors_by_device_and_dtype
    submit = concurrent.futures.ThreadPoolExecutor.submit

    def subclass(cls: type, data: torch.Tensor, *rest: Any, **named: Any) -> Any:  # noqa: ANN401
        made = make(cls, data, *rest, **named)
        return _claimed(made) if is_there(data) else made

    def submitted(pool: Any, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        def watched() -> Any:  # noqa: ANN401
            with mode:
                return work(*args, **kwargs)

        return submit(pool, watched)

    def grouped(lists: list[list[torch.Tensor]], *rest: Any) -> dict[Any, Any]:  # noqa: ANN401
        there = any(is_there(each) for each in lists[0])
        return {(GPU if there else key[0], key[1]): value for key, value in groups(lists, *rest).items()}

    monkeypatch.setattr(torch.Tensor, "_make_subclass", staticmethod(subclass))
    monkeypatch.setattr(torch._C, "_group_tensors_by_device_and_dtype", grouped)
    monkeypatch.setattr(torch, "autocast", lambda device, **kwargs: autocast("cpu", **kwargs))
    monkeypatch.setattr(concurrent.futures.ThreadPoolExecutor, "submit", submitted)
    with mode:
        yield mode


@contextmanager
def no_waits(mode: PretendGPU) -> Iterator[None]:
    """Raises WaitError in what would wait for the GPU."""
    mode.waits_allowed = False
    try:
        yield
    finally:
        mode.waits_allowed = True


__all__ = ["GPU", "MixedDevicesError", "PretendGPU", "WaitError", "is_there", "no_waits", "pretended"]
