"""What a trial cost: size, time, memory, and hours of GPU and processor."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import nn

from datasets.process.machine import peak_memory
from training.loop.epoch import EpochRow
from training.models import count_parameters


@dataclass(frozen=True)
class Clock:
    """A moment of this process, in seconds.

    Attributes:
        wall: Of the monotonic clock.
        processor: Processor time that this process and its ended children had used.
    """

    wall: float
    processor: float

    @classmethod
    def now(cls) -> Self:
        """This moment."""
        return cls(time.perf_counter(), _processor())

    def seconds(self) -> float:
        """Wall time since."""
        return time.perf_counter() - self.wall

    def processor_seconds(self) -> float:
        """Processor time since, with that of loader processes that have ended."""
        return _processor() - self.processor


def _processor() -> float:
    """Processor time so far: of this process to the nanosecond; that of its ended children comes in hundredths."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def cost_of(
    model: nn.Module, history: Sequence[EpochRow], started: Clock, device: torch.device, processes: int
) -> dict[str, float]:
    """Metrics `cost/...` of a trial that has been scored.

    `cost/gpu_hours` is wall time times GPUs, 0 on a CPU; trials that share a GPU count it once each. `cost/cpu_hours`
    is processor time used, that of this process taken for each. A trial that went on after a stop counts from where
    this attempt `started`. Memory is that of the GPU of this process where it has one, else of the process so far.
    """
    rates = ("patches_per_second", "data_wait_share", "bytes_per_patch")
    return {
        "cost/parameters": float(count_parameters(model)),
        "cost/trainable_parameters": float(count_parameters(model, trainable=True)),
        **{f"cost/{name}": float(np.median([getattr(row, name) for row in history])) for name in rates},
        **used_since(started, device, processes),
    }


def forget_peak(device: torch.device) -> None:
    """Counts the peak memory of a GPU from now on: a process may have done other work on it before."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def used_since(started: Clock, device: torch.device, processes: int = 1) -> dict[str, float]:
    """The metrics of `cost_of` that any work has: memory, time, hours."""
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_memory()
    seconds = started.seconds()
    return {
        "cost/peak_memory_mib": peak / 2**20,
        "cost/seconds": seconds,
        "cost/gpu_hours": processes * seconds / 3600 if device.type == "cuda" else 0.0,
        "cost/cpu_hours": processes * started.processor_seconds() / 3600,
    }
