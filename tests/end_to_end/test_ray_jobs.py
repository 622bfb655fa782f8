"""The form of `ray job submit` for nodes without the code; `test_three_actions.py` has the literal one."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from datasets.lake import Lake
from tests.end_to_end.ray_head import ROOT, RayHead

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def finished_ratios(folder: Path) -> list[str]:
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name("downscale-smoke")
    assert experiment is not None
    children = client.search_runs([experiment.experiment_id], filter_string="tags.kind = 'trial'")
    return sorted(run.data.params["data.ratio"] for run in children if run.info.status == "FINISHED")


@pytest.fixture
def nodes_without_code(tmp_path: Path) -> Iterator[RayHead]:
    """A head that trains nothing and a node that does; the project is importable on neither."""
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text(
        "import sys\nsys.meta_path = [f for f in sys.meta_path if '__editable__' not in getattr(f, '__module__', '')]\n"
    )
    head = RayHead(tmp_path, {"PYTHONPATH": str(blocked)}, tmp_path / "head.log", cpus=0)
    words = [sys.executable, "-c", "import sweeps"]
    there = subprocess.run(words, cwd=tmp_path, env=head.environment, capture_output=True, text=True, check=False)
    assert "No module named 'sweeps'" in there.stderr, "or the test would show nothing"
    try:
        head.start()
        head.add_node()
        yield head
    finally:
        head.stop()


def test_nodes_without_the_code_get_it_with_the_job(
    nodes_without_code: RayHead, tiny_lake: Lake, tmp_path: Path
) -> None:
    """`ray job submit --working-dir . -- python sweeps/downscale.py`: the study on the head, its trials elsewhere."""
    words = "ray job submit --working-dir . -- python sweeps/downscale.py --smoke --task pixel"
    places = f"--only data.ratio=10 --seeds 1 --lake {tiny_lake.url} --storage {tmp_path}/ray"
    lost = nodes_without_code.submit(ROOT, f"{words} {places} --tracking-uri sqlite:///results/mlflow.db")
    assert lost.returncode != 0
    assert "lies in the temporary folder of this job" in lost.stdout
    done = nodes_without_code.submit(ROOT, f"{words} {places} --tracking-uri sqlite:///{tmp_path}/mlflow.db")
    assert done.returncode == 0, done.stdout + done.stderr
    assert finished_ratios(tmp_path) == ["10"]
