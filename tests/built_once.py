"""What is slow to build is built once per test run, also where several processes share the run."""

import json
import os
from collections.abc import Callable

import pytest
from filelock import FileLock


def built_once(factory: pytest.TempPathFactory, name: str, build: Callable[[str], list[str]]) -> list[str]:
    """Paths that `build` has made in the folder it was given; the first process builds, the others wait and read.

    Args:
        factory: Of the session.
        name: Of the folder, unique among what is built once.
        build: Fills an empty folder, and returns what its users ask for.
    """
    own = factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    told = shared / f"{name}.json"
    with FileLock(shared / f"{name}.lock"):
        if not told.exists():
            folder = shared / name
            folder.mkdir()
            told.write_text(json.dumps(build(str(folder))))
        found: list[str] = json.loads(told.read_text())
    return found
