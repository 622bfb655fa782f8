"""The settings that shrink any study to a try on a laptop."""

from collections.abc import Mapping
from typing import Final

from sweeps.experiment import Value

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
