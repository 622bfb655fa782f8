"""Batch norm over the batch of all processes on a CPU: for tests that hold several processes against one.

torch's SyncBatchNorm is for GPUs only; this does the same sums with a differentiable all-reduce.
"""

import torch
import torch.distributed
from torch import nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.modules.batchnorm import _BatchNorm

from training.models.unet import UNet


def synced_unet(in_channels: int, n_outputs: int, *, filters: list[int]) -> nn.Module:
    """U-Net of a user's own, whose batch norm counts over all processes; for `model.name` of a spec."""
    return with_cpu_sync(UNet(in_channels, n_outputs, filters=filters))


def with_cpu_sync(model: nn.Module) -> nn.Module:
    """The network with its batch norms counting over all processes; weights and buffers stay the same objects."""
    for name, child in list(model.named_children()):
        if isinstance(child, _BatchNorm):
            setattr(model, name, CpuSyncBatchNorm(child))
        else:
            with_cpu_sync(child)
    return model


class CpuSyncBatchNorm(_BatchNorm):
    """(B, C, ...) float -> the same, normalized with mean and variance over the batch of all processes."""

    def __init__(self, own: _BatchNorm) -> None:
        super().__init__(own.num_features, own.eps, own.momentum, own.affine, own.track_running_stats)
        self.weight, self.bias = own.weight, own.bias
        self.running_mean, self.running_var = own.running_mean, own.running_var
        self.num_batches_tracked = own.num_batches_tracked
        self.training = own.training

    def _check_input_dim(self, input: torch.Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"batch norm wants (B, C, ...), got {input.dim()} axes")

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Normalizes; as the layer it stands for does in eval mode, in one process, and on the meta device."""
        if not self.training or input.is_meta or not torch.distributed.is_initialized():
            return super().forward(input)
        axes = [0, *range(2, input.dim())]
        count = input.new_tensor([float(input.numel() // input.shape[1])])
        sums: torch.Tensor = all_reduce(  # type: ignore[no-untyped-call]
            torch.cat([input.sum(axes), input.square().sum(axes), count])
        )
        total, squares, pixels = torch.split(sums, [self.num_features, self.num_features, 1])
        mean = total / pixels
        variance = squares / pixels - mean.square()
        self._track(mean.detach(), (variance * pixels / (pixels - 1).clamp(min=1)).detach())
        shape = [1, -1, *[1] * (input.dim() - 2)]
        scale = (self.weight if self.affine else 1.0) * torch.rsqrt(variance.clamp(min=0) + self.eps)
        shift = (self.bias if self.affine else 0.0) - mean * scale
        normalized: torch.Tensor = input * scale.view(shape) + shift.view(shape)
        return normalized

    def _track(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        momentum = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance, momentum)
