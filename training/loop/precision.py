"""In which type and layout a network computes while it trains, and that float32 is float32."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from training.spec import LoopSpec


def precision_of(loop: LoopSpec, device: torch.device) -> torch.dtype:
    """Type in which the network computes while training."""
    if loop.precision == "auto":
        has_bfloat16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if has_bfloat16 else torch.float32
    chosen: torch.dtype = getattr(torch, loop.precision)
    return chosen


def mixed_precision(precision: torch.dtype, device: torch.device) -> AbstractContextManager[object]:
    """Autocast to the precision; nothing for float32."""
    return nullcontext() if precision == torch.float32 else torch.autocast(device.type, dtype=precision)


def layout_of(device: torch.device) -> torch.memory_format:
    """Layout of a network and its inputs."""
    return torch.channels_last if device.type == "cuda" else torch.contiguous_format


@contextmanager
def whole_float32() -> Iterator[None]:
    """Float32 keeps all of its 23 bits: no TF32, which has 10 of them and which torch takes for convolutions by itself.

    Some containers of GPU makers take it for products too. It holds for all threads of the process.
    """
    # The older names: those of today, read or written beside them, make torch.compile refuse its work.
    convolutions, products = torch.backends.cudnn, torch.backends.cuda.matmul
    before = convolutions.allow_tf32, products.allow_tf32
    convolutions.allow_tf32 = products.allow_tf32 = False
    try:
        yield
    finally:
        convolutions.allow_tf32, products.allow_tf32 = before
