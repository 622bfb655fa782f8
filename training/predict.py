"""Whole-scene inference: the one door through which validation, scoring and maps get their predictions.

Shapes: C channels, K classes, H lines, W samples.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn


@torch.inference_mode()
def logits_of(model: nn.Module, x_CHW: torch.Tensor, *, device: torch.device | None = None) -> torch.Tensor:
    """Logits (K, H, W) float32 of a whole scene, on `device` (default: where the model is).

    The network is put in eval mode. Inference is in float32 on every machine: bfloat16 would break near ties between
    classes differently from one GPU to the next.
    """
    model.eval()
    place = device if device is not None else next(model.parameters()).device
    logits_BKHW: torch.Tensor = model(x_CHW[None].to(place, torch.float32))
    return logits_BKHW[0]


def predict_scene(model: nn.Module, x_CHW: torch.Tensor, *, device: torch.device | None = None) -> NDArray[np.uint8]:
    """Class of every pixel, (H, W) uint8, masked pixels included (scoring leaves them out by the truth)."""
    classes: NDArray[np.uint8] = logits_of(model, x_CHW, device=device).argmax(dim=0).to(torch.uint8).cpu().numpy()
    return classes
