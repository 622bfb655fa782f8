"""`python -m infra.gpu_kit`: makes the kit for one Python."""

import json
import shutil
import tomllib
from pathlib import Path
from typing import Annotated, Final

import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from datasets.process.terminal import CommandLine, tell, user_errors
from infra.gpu_kit import wheels
from infra.gpu_kit.wheels import ROOT, KitError, build_own

_OWN_FILES: Final = ("install.py", "kit.json", "README.md")

_IMPORTED_AS: Final = {"pillow": "PIL", "pyyaml": "yaml", "python-dateutil": "dateutil"}

README: Final = """# IceBench on a GPU machine without a network

For Linux on x86-64 with Python {python}, made by `make gpu-kit`. The machine brings {brought}; all else is here.

    python3 install.py
    PYTHONPATH="$PWD/site" python3 -m tests.gpu

The first command unpacks the wheels into `site` (it is `pip install --no-index --no-deps --target site *.whl`). The
second runs the GPU tests and benchmarks in at most six minutes, prints one table and writes `icebench-gpu.json`.
Without a CUDA device it says so and runs what a CPU can run. Ray is not here (it is larger than the kit): where the
machine has none, the test in which two trials share a GPU is skipped.
"""


def needed() -> list[Requirement]:
    """What the kit's work imports, in the versions that pyproject.toml allows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    ranges = {canonicalize_name(each.name): each for each in map(Requirement, lines)}
    found = []
    for name in wheels.NEEDED:
        requirement = Requirement(str(ranges.get(canonicalize_name(name), name)))
        requirement.extras = set()  # dask's extra is the cluster, which no test of the kit starts
        if canonicalize_name(name) not in wheels.BROUGHT:
            found.append(requirement)
    return found


def make_kit(folder: Path, python: str) -> int:
    """Makes the kit for a Python in a folder, whose earlier kit goes; returns its bytes.

    Raises:
        KitError: There is no kit for this Python, the folder holds something else than a kit, wheels cannot be had, or
            they are too large.
    """
    if python not in wheels.PYTHONS:
        raise KitError(f"there is no kit for Python {python}: choose one of {', '.join(wheels.PYTHONS)}")
    if folder.exists():
        others = sorted(e.name for e in folder.iterdir() if e.suffix != ".whl" and e.name not in _OWN_FILES)
        if others:
            raise KitError(f"{str(folder)!r} holds {others[0]!r}, which is not of a kit: give a new folder as --folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    wheels.collect(folder, python, needed())
    build_own(folder)
    finish(folder, python)
    return check_size(folder)


def finish(folder: Path, python: str) -> None:
    """Adds what is read: by people, and by the installer."""
    shutil.copy(Path(__file__).with_name("install.py"), folder)
    imports = sorted(_IMPORTED_AS.get(name, name.replace("-", "_")) for name in wheels.BROUGHT)
    (folder / "kit.json").write_text(json.dumps({"python": python, "imports": imports}), encoding="utf-8")
    text = README.format(python=python, brought=", ".join(sorted(wheels.BROUGHT)))
    (folder / "README.md").write_text(text, encoding="utf-8")


def check_size(folder: Path) -> int:
    """Bytes of a kit; raises KitError where it is too large to be carried."""
    sizes = sorted(((path.stat().st_size, path.name) for path in folder.iterdir()), reverse=True)
    total = sum(size for size, _ in sizes)
    if total > wheels.MOST_BYTES:
        largest = ", ".join(f"{name} {size / 1e6:.1f}" for size, name in sizes[:3])
        raise KitError(
            f"the kit has {total / 1e6:.1f} MB and {wheels.MOST_BYTES / 1e6:.0f} are allowed (the largest: {largest}): "
            "leave something out in infra/gpu_kit/wheels.py"
        )
    return total


app = CommandLine()


@app.command()
def main(
    python: Annotated[str, typer.Option(help=f"Python of the GPU machine: {' or '.join(wheels.PYTHONS)}.")] = "3.12",
    folder: Annotated[
        Path | None, typer.Option(help="Folder of the kit, which is made anew (without: data/gpu-kit-PYTHON).")
    ] = None,
) -> None:
    """Make the kit for a GPU machine without a network: one folder of wheels, for one Python."""
    target = folder or Path("data") / f"gpu-kit-{python}"
    with user_errors():
        size = make_kit(target, python)
    tell(f"{target}: {size / 1e6:.1f} MB; copy it to the GPU machine, its README.md has the two commands to type there")


if __name__ == "__main__":
    app()
