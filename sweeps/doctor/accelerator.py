"""GPUs and their driver, as `nvidia-smi` and torch see them."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sweeps.launch.finding import Finding

_QUERY: Final = ("--query-gpu=name,driver_version,memory.total", "--format=csv,noheader,nounits")
_TORCH: Final = "import torch; print(torch.cuda.is_available(), torch.version.cuda)"
_PATIENCE_S: Final = 50.0
_DRIVER: Final = Path("/proc/driver/nvidia/version")


def gpus() -> Iterator[Finding]:
    """Asks both; torch, which takes seconds to load, only where there is a GPU, and in a process of its own."""
    program = shutil.which("nvidia-smi")
    listing = _output([program, *_QUERY]) if program else ""
    cards = [[word.strip() for word in line.split(",")] for line in listing.splitlines() if line.count(",") == 2]
    asked = bool(cards) or _DRIVER.exists()
    yield gpu_finding(cards, _output([sys.executable, "-c", _TORCH]) if asked else "")


def gpu_finding(cards: list[list[str]], torch_says: str) -> Finding:
    """What it means.

    Args:
        cards: Name, driver and MiB of each GPU.
        torch_says: `True 13.0` where torch can use them.
    """
    if not cards and torch_says.startswith("True"):  # as in a container without nvidia-smi
        return Finding(name="GPU", level="ok", message="nvidia-smi shows none, and torch uses one")
    if not cards:
        remedy = "a trial of minutes runs on CPUs, a published one takes days there"
        return Finding(name="GPU", level="warning", message="nvidia-smi shows none", remedy=remedy)
    name, driver, memory = cards[0]
    cuda = (torch_says.split() or ["unknown"])[-1]
    said = f"{len(cards)} x {name}, {memory} MiB, driver {driver}, CUDA of torch {cuda}"
    if torch_says.startswith("True"):
        return Finding(name="GPU", level="ok", message=said)
    remedy = (
        "install the driver that this CUDA needs, or torch for this driver (https://pytorch.org/get-started/locally)"
    )
    return Finding(name="GPU", level="error", message=f"{said}: torch cannot use it", remedy=remedy)


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""
