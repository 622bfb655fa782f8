"""What a trial cost."""

import time

import pytest
import torch
from torch import nn

from training.loop.cost import Clock, cost_of, forget_peak
from training.loop.epoch import EpochRow


def test_hours_of_gpu_and_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    row = EpochRow.model_construct(patches_per_second=10.0, data_wait_share=0.1, bytes_per_patch=5.0)
    now = Clock.now()
    started = Clock(now.wall - 3600, now.processor - 1800)
    cpu = cost_of(nn.Linear(3, 1), [row], started, torch.device("cpu"), 2)
    assert cpu["cost/gpu_hours"] == 0.0
    assert cpu["cost/cpu_hours"] == pytest.approx(1.0, abs=0.01)
    assert cpu["cost/seconds"] == pytest.approx(3600, abs=30)
    assert cpu["cost/parameters"] == cpu["cost/trainable_parameters"] == 4
    half = nn.Linear(3, 1)
    half.weight.requires_grad_(False)
    counts = cost_of(half, [row], started, torch.device("cpu"), 1)
    assert (counts["cost/parameters"], counts["cost/trainable_parameters"]) == (4, 1)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 2**30)
    gpu = cost_of(nn.Linear(3, 1), [row], started, torch.device("cuda", 0), 2)
    assert gpu["cost/gpu_hours"] == pytest.approx(2.0, abs=0.02)
    assert gpu["cost/peak_memory_mib"] == 1024


def test_a_clock_counts_processor_time_apart_from_wall_time() -> None:
    clock = Clock.now()
    time.sleep(0.3)
    assert clock.seconds() >= 0.3
    assert clock.processor_seconds() < clock.seconds()


def test_a_clock_counts_work_of_a_millisecond() -> None:
    """The system's table of times comes in hundredths of a second: three steps of a small network are less."""
    for _ in range(5):
        clock = Clock.now()
        end = time.process_time() + 0.001
        while time.process_time() < end:
            pass
        assert clock.processor_seconds() >= 0.001


def test_peak_memory_is_counted_anew_for_each_work_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", forgotten.append)
    for device in (torch.device("cpu"), torch.device("cuda", 0)):
        forget_peak(device)
    assert forgotten == [torch.device("cuda", 0)]
