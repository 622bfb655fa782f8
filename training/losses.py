"""Loss: cross-entropy over labelled pixels only.

Shapes: B batch, K classes, H lines, W samples. Labels: class 0..K-1, 255 = no label.
"""

import torch
from torch.nn import functional

from datasets.labels import IGNORE


def cross_entropy_sum(logits_BKHW: torch.Tensor, y_BHW: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Sums the cross-entropy over labelled pixels.

    Sums add up over batches and scenes of any size; a mean over batches would weigh an almost empty batch like a full
    one.

    Args:
        logits_BKHW: Any float type; the loss is taken in float32, because bfloat16 cannot count pixels.
        y_BHW: int64 classes, 255 = no label.

    Returns:
        Sum of the loss (float32 scalar) and number of labelled pixels (int64 scalar).
    """
    total = functional.cross_entropy(logits_BKHW.float(), y_BHW, ignore_index=IGNORE, reduction="sum")
    return total, (y_BHW != IGNORE).sum()


def mean_loss(total: torch.Tensor, n_valid: torch.Tensor) -> torch.Tensor:
    """Loss per labelled pixel; 0 with zero gradient, never NaN, when no pixel has a label."""
    return total / n_valid.clamp(min=1)
