"""Networks by name: `build_model(spec.model, task=..., in_channels=..., n_outputs=...)`.

Those of IceBench (`unet`), of timm (`timm:NAME`), of segmentation-models-pytorch (`smp:ARCHITECTURE`), and the user's
own (`package.module:Class`). `check_network(spec)` checks before a trial starts whether a network can be used for it.
"""

from training.models.benchmark import NETWORKS
from training.models.build import build_model, build_network, count_parameters
from training.models.check import check_network, check_output
from training.models.padding import AnySize

__all__ = [
    "NETWORKS",
    "AnySize",
    "build_model",
    "build_network",
    "check_network",
    "check_output",
    "count_parameters",
]
