"""Where this project's code is, and what of it goes to machines that do not have it: an allow-list, never a folder."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from json import loads
from pathlib import Path
from typing import Final

from datasets.plural import plural

ROOT: Final = Path(__file__).resolve().parents[2]
"""Folder of the checkout that runs; a job's temporary copy of it where Ray made one."""

PACKAGES: Final = ("ingest", "datasets", "training", "sweeps")
"""What runs on other machines."""

_CODE: Final = frozenset({".csv", ".jinja", ".json", ".py", ".toml", ".yaml", ".yml"})
"""Kinds of files that belong to a package. People keep scenes in a folder of ours too; these are not its code."""

_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
"""Folders of what is installed, of this environment, of the user or of the system."""

_JOB_CONFIG: Final = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""Set by Ray in the driver of a submitted job: what the job brought with it."""


def shipped_by_job() -> bool:
    """Whether this driver runs in a temporary copy of the project that `ray job submit --working-dir` made."""
    return "working_dir" in loads(os.environ.get(_JOB_CONFIG, "{}")).get("runtime_env", {})


def git_commit() -> str:
    """Commit of this checkout, with `-dirty` if files differ from it; ICEBENCH_GIT_COMMIT wins; else `unknown`."""
    given = os.environ.get("ICEBENCH_GIT_COMMIT")
    if given:
        return given
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):  # no git here (an image, a copied tree), or no commit yet
        return "unknown"
    return found.stdout.strip() or "unknown"


@dataclass(frozen=True, kw_only=True)
class Code:
    """Packages of this project, and modules of the user's own with what these import beside them.

    Attributes:
        roots: Files and folders of code.
    """

    roots: tuple[Path, ...]

    @classmethod
    def of(cls, modules: Iterable[str] = ()) -> "Code":
        """Our packages and these modules, as far as they are not installed: `my_models` of the working folder."""
        return cls(roots=(*(ROOT / name for name in PACKAGES), *_own(modules)))

    @cached_property
    def files(self) -> dict[Path, Path]:
        """Place in the shipped folder -> file here."""
        return {file.relative_to(root.parent): file for root in self.roots for file in _code_of(root)}

    @property
    def search_path(self) -> list[str]:
        """Folders in which Python finds all of it on this machine."""
        return list(dict.fromkeys(str(root.parent) for root in self.roots))

    def copy_to(self, folder: Path) -> None:
        """Copies the files below a folder."""
        for place, file in self.files.items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, folder / place)

    def __str__(self) -> str:
        """For people: `ingest, datasets, training, sweeps, my_models.py (243 files, 1.5 MB)`."""
        size = sum(file.stat().st_size for file in self.files.values())
        return f"{', '.join(root.name for root in self.roots)} ({plural(len(self.files), 'file')}, {size / 1e6:.1f} MB)"


def _code_of(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
        return
    for path in sorted(root.iterdir()):
        if path.is_dir() and path.name.isidentifier() and path.name != "__pycache__":
            yield from _code_of(path)
        elif path.suffix in _CODE and not path.name.startswith("."):
            yield path


def _own(modules: Iterable[str]) -> list[Path]:
    """Files and packages of these modules and of all that they import, without what is installed."""
    found: dict[str, Path] = {}
    waiting = [name.partition(".")[0] for name in modules]
    while waiting:
        name = waiting.pop()
        root = None if name in found or name in PACKAGES or name in sys.stdlib_module_names else _root_of(name)
        if root is not None:
            found[name] = root
            waiting += [imported for file in _code_of(root) if file.suffix == ".py" for imported in _imports(file)]
    return list(found.values())


def _root_of(name: str) -> Path | None:
    """The file or the folder of a module; None where every machine must have it: it is installed, or not there."""
    found: ModuleSpec | None = PathFinder.find_spec(name, [*sys.path, str(Path.cwd())])  # Ray's workers look there too
    found = found or find_spec(name)
    places = [] if found is None else list(found.submodule_search_locations or filter(None, [found.origin]))
    if len(places) != 1 or not (place := Path(places[0])).exists():  # `built-in` is no place
        return None
    return None if _INSTALLED.intersection(place.parts) else place.absolute()


def _imports(file: Path) -> Iterator[str]:
    """Names of the modules that a file imports, without what is in their packages."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):  # its import says so
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
