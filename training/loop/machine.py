"""The device on which a network computes, and the software and hardware behind its numbers."""

import platform

import numpy as np
import torch

from datasets.errors import IceBenchError
from datasets.process.machine import Device, usable_cores


class DeviceError(IceBenchError, RuntimeError):
    """This process has no such device."""


def best_device(asked: Device = "auto") -> torch.device:
    """The GPU that this process was given, or the CPU; torch computes on no more threads than there are cores to use.

    torch counts the cores of the host: in a container with the time of two of 64 its threads wait for each other.

    Raises:
        DeviceError: A GPU is asked for, and there is none.
    """
    if torch.get_num_threads() > usable_cores():
        torch.set_num_threads(usable_cores())
    if asked != "cpu" and torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    if asked == "gpu":
        raise DeviceError(
            f"torch sees no GPU on {platform.node()}, and one is asked for: ask for none (--device cpu, or "
            "--gpus-per-trial 0 of a study), or look at nvidia-smi and CUDA_VISIBLE_DEVICES there"
        )
    return torch.device("cpu")


def sent(values: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Values of the CPU on a device, without a wait for what the device still computes.

    A plain `to` from memory that is not page-locked ends when the GPU has done all that it was given before.
    """
    return values.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else values.to(device)


def versions_of(device: torch.device) -> dict[str, str]:
    """Software and device with which numbers were computed."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "device": name,
        "threads": str(torch.get_num_threads()),
    }
