"""Base trials that studies change, and the smoke settings that shrink them."""

from collections.abc import Mapping
from typing import Final

from sweeps.experiment import Value
from training.spec import ModelSpec, TrialSpec

ICEBENCH_UNET: Final = TrialSpec(model=ModelSpec(name="unet", params={"filters": [16, 32, 64, 64]}))
"""Pixel-based U-Net of IceBench as shipped: 16 channels, 80 m, patch 256, batch 16, Adam 1e-4, warm restarts every 20
epochs, 500 batches an epoch, at most 300 epochs, patience 30 (configs/config_model.ini of the published code)."""

SMOKE: Final[Mapping[str, Value]] = {
    "data.patch_size": 32,
    "loop.batch_size": 16,
    "loop.batches_per_epoch": 16,
    "loop.max_epochs": 8,
    "loop.patience": 8,
    "optimizer.lr": 3e-3,
    "optimizer.restart_epochs": 8,
}
"""Under a minute of training on one core and a lake of small sample scenes: says that all works, not how well."""
