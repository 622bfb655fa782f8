"""A Ray, a cache and an outbox of their own for benchmarks that run trials."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]


@contextmanager
def ray_environment(folder: Path) -> Iterator[None]:
    """A Ray, a cache and an outbox of its own."""
    mine = {
        "RAY_ADDRESS": "local",
        "RAY_AUTH_MODE": "disabled",
        "ICEBENCH_CACHE": str(folder / "cache"),
        "ICEBENCH_OUTBOX": str(folder / "outbox"),
        "PYTHONPATH": str(ROOT),
    }
    before = {name: os.environ.get(name) for name in mine}
    os.environ.update(mine)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
