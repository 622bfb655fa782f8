"""The Python of the docs runs as it stands, in the order of its page, on a real lake."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from datasets.lake import Lake
from tests.docs.pages import ROOT, blocks, pages

ON_A_LAKE = ("docs/lake.md", "docs/operations.md")
"""Pages whose blocks share one namespace, which has a lake and a scene."""

PATCHES = "torch.Size([4, 16, 64, 64]) torch.Size([4, 1, 64, 64])"
"""What the recipe with loader workers says of each batch."""

ELSEWHERE = {
    "docs/export.md": "tests/datasets/export/test_docs.py",
    "docs/feature_importance.md": "tests/training/attribution/test_docs.py",
    "docs/map_files.md": "tests/training/prediction/test_map_files.py",
    "docs/foundation_models.md": "tests/training/models/test_foundation_models.py",
    "docs/models.md": "tests/sweeps/compare/test_models_docs.py",
    "docs/predict.md": "tests/training/prediction/test_docs.py",
    "docs/studies.md": "tests/docs/test_recipes.py",
    "docs/tour.md": "tests/docs/test_tour.py",
}


def test_every_page_with_python_is_run_by_a_test() -> None:
    assert {page for page in pages() if blocks(page, "python")} == {*ON_A_LAKE, *ELSEWHERE}
    for page, test in ELSEWHERE.items():
        assert Path(page).name in (ROOT / test).read_text()


@pytest.mark.slow
@pytest.mark.parametrize("page", ON_A_LAKE)
def test_recipes_run_in_order(page: str, tiny_lake: Lake, tmp_path: Path) -> None:
    """Blocks that follow from each other are one script."""
    texts = [block.text for block in blocks(page, "python")]
    importable = [text for text in texts if "__main__" in text]  # by its loader workers, which import nothing else
    together = "\n".join(text for text in texts if text not in importable)
    given = f"lake, scene_id = {tiny_lake.url!r}, {tiny_lake.catalog().scene_ids[0]!r}\n"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    for number, text in enumerate([together, *importable]):
        script = tmp_path / f"recipe{number}.py"
        script.write_text(given + text)
        done = subprocess.run([sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout
        if "workers=2" in text:
            assert done.stdout.splitlines() == [PATCHES] * 2
    assert (page == "docs/lake.md") == any("workers=2" in text for text in importable)


def test_the_study_of_the_page_is_a_study(tmp_path: Path) -> None:
    (block,) = blocks("docs/studies.md", "python")
    place = tmp_path / "sweeps" / "incidence.py"
    place.parent.mkdir()
    place.write_text(block.text)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(place), "--dry-run"], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "incidence: 20 trials" in done.stdout
    assert "without incidence angle" in done.stdout
