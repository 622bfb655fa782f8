"""Our own wheel, which holds the tests too: the installed form of the house is the checkout, so it has none else."""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from infra.gpu_kit.wheels import KitError

ROOT: Final = Path(__file__).resolve().parents[2]
_ROOMS: Final = ("datasets", "ingest", "training", "sweeps", "tests", "infra")


def build_own(folder: Path) -> Path:
    """Builds the wheel from a copy of the checkout whose package list has tests and infra in it."""
    with tempfile.TemporaryDirectory(prefix="icebench-kit-") as name:
        copy = Path(name) / "source"
        copy.mkdir()
        for room in _ROOMS:
            shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        for file in ("README.md", "LICENSE"):
            shutil.copy(ROOT / file, copy / file)
        text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        listed = ", ".join(f'"{room}*"' for room in _ROOMS)
        changed, found = re.subn(r"(?m)^include = \[.*\]$", f"include = [{listed}]", text)
        if found != 1:
            raise KitError(
                "pyproject.toml has no single list of packages to change: correct infra/gpu_kit/own_wheel.py"
            )
        (copy / "pyproject.toml").write_text(changed, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(copy)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["pip says nothing"])[-1]
            raise KitError(f"our own wheel cannot be built ({last})")
    (wheel,) = folder.glob("icebench-*.whl")
    return wheel
