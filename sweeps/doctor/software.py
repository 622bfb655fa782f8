"""Versions of Python and packages against pyproject.toml, where our packages come from, weights on this machine."""

import importlib.metadata
import importlib.util
import os
import platform
import shlex
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.version import Version

from datasets.plural import plural
from datasets.process.checkout import git_commit
from datasets.process.ray_trouble import lost_in_a_shell
from sweeps.launch.finding import Finding

OURS: Final = ("datasets", "ingest", "training", "sweeps")
_SHOWN: Final = ("torch", "ray", "mlflow", "zarr", "xarray", "s3fs")


def versions(root: Path, extras: Sequence[str]) -> Iterator[Finding]:
    """One line with the versions that matter, and one for each package that is missing or of another version.

    `extras` of the checkout's project are those whose packages are needed too.
    """
    python = platform.python_version()
    found = {name: version for name in _SHOWN if (version := installed(name))}
    shown = ", ".join(f"{name} {version}" for name, version in {"Python": python, **found}.items())
    yield Finding(name="versions", level="ok", message=shown)
    file = root / "pyproject.toml"
    if not file.exists():  # a job's copy of the packages, whose environment the image or the cluster answers for
        return
    project = tomllib.loads(file.read_text())["project"]
    if Version(python) not in Requirement(f"python{project['requires-python']}").specifier:
        wanted = project["requires-python"]
        yield Finding(name="versions", level="error", message=f"Python is not {wanted}", remedy=f"use Python {wanted}")
    needed = [*project["dependencies"], *(each for extra in extras for each in project["optional-dependencies"][extra])]
    yield from (finding for text in needed if (finding := _unmet(Requirement(text), extras)) is not None)


def _unmet(wanted: Requirement, extras: Iterable[str]) -> Finding | None:
    version = installed(wanted.name)
    remedy = f"pip install -e {shlex.quote('.[' + ','.join(extras) + ']')}"
    if version is None:
        return Finding(name="versions", level="error", message=f"{wanted.name} is not installed", remedy=remedy)
    if not wanted.specifier.contains(version, prereleases=True):
        said = f"{wanted.name} is {version} and should be {wanted.specifier}"
        return Finding(name="versions", level="error", message=said, remedy=remedy)
    return None


def installed(name: str) -> str | None:
    """Version of an installed package; None if it is missing."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def our_packages(root: Path) -> Iterator[Finding]:
    """Whether the four packages are those of this checkout, and not others of the same name."""
    places = {name: _place(name) for name in OURS}
    foreign = {name: place for name, place in places.items() if place is None or not place.is_relative_to(root)}
    for name, place in foreign.items():
        said = f"{name} comes from {place}" if place else f"{name} cannot be imported as a package"
        remedy = f"run in {root}, without another {name} in the working folder, on PYTHONPATH or installed by pip"
        yield Finding(name="our packages", level="error", message=said, remedy=remedy)
    if not foreign:
        yield Finding(name="our packages", level="ok", message=f"{', '.join(OURS)} of {root}, commit {git_commit()}")


def python_path(python: str) -> Iterator[Finding]:
    """A warning where a Ray that `ray start` starts by this Python has no workers; else nothing."""
    if lost_in_a_shell(python):
        yield Finding(
            name="Python",
            level="warning",
            message=f"{python}: a study starts Ray by it, but a Ray of `ray start` or `make platform` gets no workers, "
            "since their shell ends the path at a space or a special character",
            remedy="for clusters, move the project to a path without, and install it there anew",
        )


def _place(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).resolve() if spec is not None and spec.origin else None


def weights() -> Finding:
    """Pretrained weights in the caches of torch and Hugging Face; they are never downloaded by a trial."""
    from huggingface_hub.constants import HF_HUB_CACHE

    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")  # as torch does; it takes seconds to load
    torch = Path(os.environ.get("TORCH_HOME") or home / "torch") / "hub" / "checkpoints"
    hub = Path(HF_HUB_CACHE)
    count = len(list(torch.glob("*.pth"))) + len(list(hub.glob("models--*")))
    if count:
        return Finding(
            name="ImageNet weights", level="ok", message=f"{plural(count, 'file')} of weights in {torch} and {hub}"
        )
    return Finding(
        name="ImageNet weights",
        level="warning",
        message=f"none in {torch} and {hub}",
        remedy="only patch-based trials with model.pretrained=imagenet need them, and name the file that they miss",
    )
