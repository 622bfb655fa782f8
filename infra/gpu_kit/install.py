"""Unpacks a kit beside itself, with the Python that runs this: `python3 install.py`. Needs nothing but pip.

It checks first what a kit cannot bring: the right Python, PyTorch and the scientific stack.
"""

import importlib.util
import json
import platform
import subprocess
import sys
from pathlib import Path

KIT = Path(__file__).resolve().parent


def trouble(kit: dict, python: str, machine: str) -> str:
    """Why this machine cannot use the kit, in one sentence; empty where it can."""
    if python != kit["python"]:
        return f"this kit is for Python {kit['python']} and this is {python}: make one with KIT_PYTHON={python}"
    if machine != "x86_64":
        return f"this kit is for x86_64 and this machine is {machine}: its wheels cannot run here"
    missing = [name for name in kit["imports"] if importlib.util.find_spec(name) is None]
    if missing:
        return (
            f"this Python lacks {', '.join(missing)}: a kit brings what stands beside PyTorch and its stack, not these"
        )
    return ""


def main() -> int:
    """Checks the machine and unpacks; 2 where the kit is not for it."""
    kit = json.loads((KIT / "kit.json").read_text(encoding="utf-8"))
    if said := trouble(kit, ".".join(platform.python_version_tuple()[:2]), platform.machine()):
        print(said, file=sys.stderr)
        return 2
    wheels = [str(path) for path in sorted(KIT.glob("*.whl"))]
    words = ["--quiet", "--no-index", "--no-deps", "--no-warn-conflicts", "--upgrade", "--target", str(KIT / "site")]
    done = subprocess.run([sys.executable, "-m", "pip", "install", *words, *wheels], check=False)
    if done.returncode == 0:
        print(f"now: PYTHONPATH={KIT / 'site'} python3 -m tests.gpu")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
