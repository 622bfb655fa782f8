"""The tour as a notebook, as it stands."""

import json
import tempfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.docs.pages import ROOT

NOTEBOOK = ROOT / "docs" / "tour.ipynb"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def test_the_notebook_runs_in_a_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    where = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=1600, kernel_name="python3", resources=where).execute()
    assert [kinds_of(cell) for cell in notebook.cells] == [kinds_of(cell) for cell in stored()], "store it again"


def test_the_notebook_is_stored_as_it_ran() -> None:
    """It can be read where nothing runs: every cell has what it gave, and no machine's paths."""
    code = [cell for cell in stored() if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert sum("image/jpeg" in kinds_of(cell) for cell in code) == 3
    assert NOTEBOOK.stat().st_size < 600_000
    assert "/home/" not in NOTEBOOK.read_text()


def stored() -> list[dict[str, object]]:
    cells: list[dict[str, object]] = json.loads(NOTEBOOK.read_text())["cells"]
    return cells


def kinds_of(cell: dict[str, object]) -> set[str]:
    """What a cell gave: streams, and data by its type."""
    outputs = cell.get("outputs", ())
    assert isinstance(outputs, list | tuple)
    assert not any(output["output_type"] == "error" for output in outputs)
    return {kind for output in outputs for kind in (output.get("data") or {output.get("name", "stream"): ""})}
