"""A lake of its own for each test, and what is read of it."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from datasets.lake import Lake
from datasets.stores.scene_store import SceneStore


@pytest.fixture
def lake(tiny_lake: Lake, tmp_path: Path) -> Lake:
    """A lake that may be changed."""
    shutil.copytree(tiny_lake.url, tmp_path / "lake", ignore=shutil.ignore_patterns("index"))  # others may have it
    return Lake.open(str(tmp_path / "lake"))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Variables read from scene stores."""
    seen: list[str] = []
    original = SceneStore.read

    def read(self: SceneStore, group: str, name: str, window: tuple[slice, ...]) -> np.ndarray:
        seen.append(name)
        return original(self, group, name, window)

    monkeypatch.setattr(SceneStore, "read", read)
    return seen
