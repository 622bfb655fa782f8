"""The tour from nothing to a table, on the command line and as a notebook, as they stand."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.docs.classified import kinds
from tests.docs.pages import ROOT, blocks, commands

PAGE = "docs/tour.md"
NOTEBOOK = ROOT / "docs" / "tour.ipynb"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_the_tour_ends_with_its_table(tmp_path: Path) -> None:
    for name in ("docs", "sweeps", "infra"):
        (tmp_path / name).symlink_to(ROOT / name)
    typed = [
        " ".join(f"'{word}'" for word in command.words)
        for command in commands(PAGE)
        if [kind for kind, _ in kinds(command)] == ["runs"] and command.words[0] == "python"
    ]
    assert len(typed) > 10
    (code,) = blocks(PAGE, "python")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "MLFLOW_"))}
    kept["RAY_ADDRESS"] = "local"  # a Ray that another test runs meanwhile is not ours
    environment = {**kept, "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}", "PYTHONPATH": str(ROOT)}
    script = "\n".join(["set -e", *typed, f"python - <<'CODE'\n{code.text}CODE"])
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=800
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "old ice scatters -" in done.stdout
    for file in ("scene.png", "scene_chart_prediction.png", "trial/result.json", "report/report.html"):
        assert (tmp_path / "data" / "tour" / file).exists(), file
    assert r"\begin{tabular}" in (tmp_path / "data" / "tour" / "report" / "table.tex").read_text()
    cells = [line for line in (tmp_path / "data/tour/report/table.csv").read_text().splitlines() if ",2," in line]
    assert len(cells) > 1, "both ratios have finished with both seeds"


def test_the_notebook_runs_in_a_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    where = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=400, kernel_name="python3", resources=where).execute()
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
