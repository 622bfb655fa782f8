"""GPUs as nvidia-smi and torch tell them."""

import stat
from pathlib import Path

import pytest

from sweeps.doctor import accelerator

CARD = ["NVIDIA H200", "580.1", "143771"]


def test_no_gpu_is_no_error() -> None:
    assert accelerator.gpu_finding([], "").level == "warning"


def test_a_container_without_nvidia_smi_has_a_gpu_all_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    driver = tmp_path / "version"
    driver.touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(accelerator, "_DRIVER", driver)
    monkeypatch.setattr(accelerator, "_TORCH", "print(True, '12.8')")
    (found,) = accelerator.gpus()
    assert (found.level, found.message) == ("ok", "nvidia-smi shows none, and torch uses one")


def test_a_gpu_that_torch_can_use_and_one_that_it_cannot() -> None:
    good = accelerator.gpu_finding([CARD, CARD], "True 13.0")
    assert (good.level, good.message) == ("ok", "2 x NVIDIA H200, 143771 MiB, driver 580.1, CUDA of torch 13.0")
    bad = accelerator.gpu_finding([CARD], "False 13.0")
    assert (bad.level, "driver" in bad.remedy) == ("error", True)
    assert accelerator.gpu_finding([CARD], "").level == "error", "torch could not even be loaded"


def test_what_nvidia_smi_prints_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA A10, 550.1, 23028'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(accelerator, "_TORCH", "print(True, '12.8')")
    (found,) = accelerator.gpus()
    assert found.message.startswith("1 x NVIDIA A10, 23028 MiB, driver 550.1, CUDA of torch 12.8")
    program.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed, because it has no driver'\nexit 9\n")
    (found,) = accelerator.gpus()
    assert found.level == "warning"
