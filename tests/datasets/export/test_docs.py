"""The Python of docs/export.md runs as it stands, on an export of the tiny lake."""

from pathlib import Path
from typing import Any

import pytest

from datasets.lake import Lake
from tests.datasets.export.exports import run
from tests.docs.pages import blocks


def test_the_values_of_a_patch(tiny_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rasterio")
    monkeypatch.chdir(tmp_path)
    assert run(tiny_lake.url, Path("patches"), "--limit", "3").exit_code == 0
    (block,) = blocks("docs/export.md", "python")
    names: dict[str, Any] = {}
    exec(compile(block.text, "export.md", "exec"), names)
    assert names["x"].shape == (2, 64, 64)
    assert abs(names["x"].mean()) < 3
    assert names["y"].shape == (64, 64)
