"""The files of infra/ as tests read them: parsed, and filled in with the examples of env.example."""

import re
import runpy
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
IMAGE_LOCK = INFRA / "image" / "requirements.lock"
MLFLOW_LOCK = INFRA / "mlflow" / "requirements.lock"
GENERATED = {IMAGE_LOCK, MLFLOW_LOCK}

render = runpy.run_path(str(INFRA / "render.py"))["render"]  # a script, not a package


def files() -> list[Path]:
    """Every file of infra/ that a person wrote for a cluster; three packages are for one machine only."""
    found = [path for path in INFRA.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    packages = (INFRA / "platform", INFRA / "gpu_kit", INFRA / "costs")
    return sorted(path for path in set(found) - GENERATED if not any(map(path.is_relative_to, packages)))


def environment() -> dict[str, str]:
    """Every name of env.example, optional ones too, with its example or an empty value."""
    text = (INFRA / "env.example").read_text()
    return dict(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]*)=(.*)$", text, flags=re.MULTILINE))


def rendered(path: str) -> str:
    """Text of a file, filled in."""
    return str(render((INFRA / path).read_text(), environment()))


def documents(path: str) -> list[dict[str, Any]]:
    """Documents of a YAML file, filled in."""
    return list(yaml.safe_load_all(rendered(path)))


def locked(path: Path) -> dict[str, str]:
    """Version by package of a lock file."""
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^ ;]+)", path.read_text(), flags=re.MULTILINE))
