"""Several studies in one go."""

from pathlib import Path

import pytest

from datasets.lake import Lake
from sweeps.design.experiment import ExperimentError
from sweeps.launch import campaign as module
from sweeps.launch.campaign import run_campaign
from sweeps.launch.plan import Plan
from sweeps.launch.study_run import Done
from sweeps.record.study import StudyTracker
from tests.sweeps.launch.small_study import SPEC, request_of, small_study

COLD = small_study(1, base=SPEC.with_("data.train.cryoseason", "melt"))  # the tiny lake knows no melt seasons


def test_a_study_of_which_nothing_can_run_is_named_and_the_others_run(
    tiny_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = []

    def note(plan: Plan, *_: object) -> Done:
        ran.append([trial.name for trial in plan.part.trials()])
        return Done(study=StudyTracker(tracking_uri="", study="", experiment_id="", run_id=""), outcomes=(), finished=0)

    monkeypatch.setattr(module, "run_study", note)
    monkeypatch.setattr(module, "_conclude", lambda done: None)
    request, study = request_of(tiny_lake, tmp_path), small_study(2)
    assert run_campaign([(COLD, COLD), (study, study)], request) is False
    assert ran == [["task=pixel data.ratio=10 seed=0", "task=pixel data.ratio=10 seed=1"]]
    assert "left out: no trial of study 'small' can run" in capsys.readouterr().err
    with pytest.raises(ExperimentError, match="the cell cryoseason melt has no train scene"):
        run_campaign([(COLD, COLD)], request)
    assert len(ran) == 1
