"""Which wheels a kit holds: ours, and what it needs in turn, but for what the machine brings itself.

Ours is built with the tests in it, which `tests.gpu` runs; nothing else is installed from a wheel of ours.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from email.parser import HeaderParser
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from datasets.errors import IceBenchError

ROOT: Final = Path(__file__).resolve().parents[2]
_ROOMS: Final = ("datasets", "ingest", "training", "sweeps", "tests", "infra")

PYTHONS: Final = ("3.11", "3.12")

MOST_BYTES: Final = 45_000_000

BROUGHT: Final = frozenset(
    (
        *("torch", "torchvision", "filelock", "fsspec", "jinja2", "pillow", "typing-extensions"),
        *("numpy", "scipy", "pandas", "matplotlib", "pyarrow", "packaging", "python-dateutil"),
        *("pyyaml", "requests", "tqdm"),
    )
)
"""What the machine has: PyTorch with what comes with it, and the scientific stack."""

LEFT_OUT: Final = frozenset({"hf-xet", "ray", "mlflow", "distributed"})
"""What nothing of the kit's work imports: downloads of weights, clusters (Ray alone is larger than a kit), records."""

NEEDED: Final = (
    *("filelock", "fsspec", "google-crc32c", "numcodecs", "pydantic", "pyyaml", "rich", "typer", "xarray", "zarr"),
    *("netCDF4", "edt", "pyproj", "dask"),
    *("captum", "cloudpickle", "huggingface-hub", "safetensors", "segmentation-models-pytorch", "timm"),
    *("pytest", "pytest-timeout", "hypothesis"),
)
"""What lakes, trials, attribution and tests import; the ranges of versions are those of pyproject.toml."""

_PLATFORMS: Final = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")


_LARGE: Final = 2_000_000


class KitError(IceBenchError):
    """A kit cannot be made as asked."""


def collect(folder: Path, python: str, wanted: Iterable[Requirement]) -> None:
    """Downloads the wheels of requirements, and of theirs in turn, for Linux on x86-64.

    Raises:
        KitError: A wheel is missing on the package index, or two packages need different versions of a third.
    """
    waiting, known = list(wanted), dict[str, str]()
    while waiting:
        for requirement in waiting:
            name = canonicalize_name(requirement.name)
            if name in known and not requirement.specifier.contains(known[name], prereleases=True):
                raise KitError(f"{requirement} is needed and {name} {known[name]} is in the kit: name a range for it")
        new = {canonicalize_name(each.name): each for each in waiting if canonicalize_name(each.name) not in known}
        waiting = []
        for wheel in _download(folder, python, list(new.values())):
            name, version, *_ = parse_wheel_filename(wheel.name)
            known[name] = str(version)
            waiting += requirements_of(wheel, python, new[name].extras)


def requirements_of(wheel: Path, python: str, extras: Iterable[str] = ()) -> list[Requirement]:
    """What a wheel needs on a Linux machine with this Python, less what the machine brings and what is left out."""
    with zipfile.ZipFile(wheel) as content:
        (place,) = [name for name in content.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = HeaderParser().parsestr(content.read(place).decode())
    found = []
    for line in metadata.get_all("Requires-Dist") or ():
        requirement = Requirement(line)
        name = canonicalize_name(requirement.name)
        machine = {
            "python_version": python,
            "python_full_version": f"{python}.9",
            "sys_platform": "linux",
            "platform_system": "Linux",
            "platform_machine": "x86_64",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
        }
        applies = requirement.marker is None or any(
            requirement.marker.evaluate({**machine, "extra": extra}) for extra in ("", *extras)
        )
        if applies and name not in BROUGHT | LEFT_OUT:
            found.append(requirement)
    return found


def _download(folder: Path, python: str, wanted: list[Requirement]) -> list[Path]:
    """Fetches wheels of exactly these, without what they need."""
    if not wanted:
        return []
    with tempfile.TemporaryDirectory(dir=folder) as part:
        platforms = [word for platform in _PLATFORMS for word in ("--platform", platform)]
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary=:all:", "--implementation", "cp", "--python-version", python, *platforms]
        # without markers, which were judged for the machine of the kit and not for this one
        command += ["--dest", part, *(f"{each.name}{each.specifier}" for each in wanted)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip says nothing"]
            raise KitError(f"wheels for Python {python} cannot be fetched ({lines[-1]})")
        return [packed(path, folder) for path in sorted(Path(part).iterdir())]


def packed(wheel: Path, folder: Path) -> Path:
    """Puts a wheel into a folder; a large one is packed anew by LZMA, which pip reads and which takes a fifth less."""
    there = folder / wheel.name
    if wheel.stat().st_size < _LARGE:
        return Path(shutil.move(wheel, there))
    with zipfile.ZipFile(wheel) as before, zipfile.ZipFile(there, "w", zipfile.ZIP_LZMA) as after:
        for member in before.infolist():
            named = zipfile.ZipInfo(member.filename, member.date_time)
            named.external_attr = member.external_attr
            after.writestr(named, before.read(member), compress_type=zipfile.ZIP_LZMA)
    return there


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
            raise KitError("pyproject.toml has no single list of packages to change: correct infra/gpu_kit/wheels.py")
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
