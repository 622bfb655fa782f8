"""Mixed precision: in which type a network computes while it trains."""

from contextlib import AbstractContextManager, nullcontext

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
