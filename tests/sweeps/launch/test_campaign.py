"""Several studies in one go, and what a driver imports for one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from datasets.lake import Lake
from sweeps.design.experiment import ExperimentError
from sweeps.launch import campaign as module
from sweeps.launch.campaign import run_campaign
from sweeps.launch.plan import Plan
from sweeps.launch.study_run import StudyOutcome
from sweeps.record.study import StudyTracker
from tests.mlflow_server import fresh_database
from tests.sweeps.launch.small_study import SPEC, request_of, small_study

COLD = small_study(1, base=SPEC.with_("data.train.cryoseason", "melt"))  # the tiny lake knows no melt seasons


def test_a_study_of_which_nothing_can_run_is_named_and_the_others_run(
    tiny_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = []

    def note(plan: Plan, *_: object) -> StudyOutcome:
        ran.append([trial.name for trial in plan.part.trials()])
        return StudyOutcome(
            study=StudyTracker(tracking_uri="", study="", experiment_id="", run_id=""), outcomes=(), finished=0
        )

    monkeypatch.setattr(module, "run_study", note)
    monkeypatch.setattr(module, "_conclude", lambda done: None)
    request, study = request_of(tiny_lake, tmp_path), small_study(2)
    assert run_campaign([(COLD, COLD), (study, study)], request) is False
    assert ran == [["task=pixel data.ratio=10 seed=0", "task=pixel data.ratio=10 seed=1"]]
    assert "left out: no trial of study 'small' can run" in capsys.readouterr().err
    with pytest.raises(ExperimentError, match="the cell cryoseason melt has no train scene"):
        run_campaign([(COLD, COLD)], request)
    assert len(ran) == 1


_UP_TO_THE_FIRST_TRIAL = """
import json, sys
from contextlib import nullcontext
from ray import tune
import sweeps.launch.study_run as study_run
from sweeps.downscale import EXPERIMENT
from sweeps.launch.command import application

class Placed(BaseException): ...

def tuner(*_, **__):
    raise Placed

tune.Tuner = tuner
study_run.keeping_current = lambda study: nullcontext(lambda: None)  # a thread, which imports at leisure
study_run.cluster, study_run.nodes, study_run.check_nodes = nullcontext, lambda: [{"CPU": 1.0}], lambda *_: None
try:
    application({"downscale": EXPERIMENT}, "")(sys.argv[1:], standalone_mode=False)
except Placed:
    print(json.dumps(sorted(sys.modules)))
"""
DRIVER_MODULES = 112
"""Of ours, packages included; they were 122 while the driver imported all reports before the first trial."""


@pytest.mark.slow
def test_a_driver_imports_for_a_grid_only_what_places_its_trials(tiny_lake: Lake, tmp_path: Path) -> None:
    words = ["--smoke", "--task", "pixel", "--only", "data.ratio=10", "--seeds", "1", "--lake", tiny_lake.url]
    words += ["--tracking-uri", fresh_database(tmp_path), "--storage", str(tmp_path / "storage")]
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", _UP_TO_THE_FIRST_TRIAL, *words],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    ours = {name for name in loaded if name.partition(".")[0] in ("ingest", "datasets", "training", "sweeps")}
    print(f"modules of ours in the driver when the first trial is placed: {len(ours)}")
    assert "sweeps.launch.study_run" in ours
    assert len(ours) <= DRIVER_MODULES, sorted(ours)
    assert not {"torch", "captum", "matplotlib", "jinja2", "optuna"} & loaded
    others = {"optuna_search", "several_processes", "worker"}
    assert not {f"sweeps.launch.{name}" for name in others} & ours
    assert not [name for name in ours if name.startswith(("sweeps.report", "sweeps.compare", "training.loop"))]
