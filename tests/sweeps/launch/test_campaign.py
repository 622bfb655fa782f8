"""Several studies in one go."""

from pathlib import Path

import pytest

from datasets.lake import Lake
from sweeps.design.experiment import Experiment, ExperimentError
from sweeps.launch import campaign as module
from sweeps.launch.campaign import Campaign, run_campaign
from sweeps.launch.placement import Placement
from sweeps.launch.strategy import Strategy
from sweeps.launch.study_run import Done, Request
from sweeps.record.study import StudyTracker
from tests.sweeps.launch.small_study import SPEC, small_study

COLD = small_study(1, base=SPEC.with_("data.train.cryoseason", "melt"))  # the tiny lake knows no melt seasons


def campaign(lake: Lake, folder: Path, *studies: Experiment) -> Campaign:
    return Campaign(
        studies=[(study, study) for study in studies],
        lake_urls=[lake.url],
        tracking_uri=f"sqlite:///{folder}/m.db",
        placement=Placement(cpus=1, gpus=0, max_concurrent=None, storage=str(folder)),
        strategy=Strategy(),
        resume=True,
        failed_only=False,
    )


def test_a_study_of_which_nothing_can_run_is_named_and_the_others_run(
    tiny_lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = []

    def note(request: Request, *_: object) -> Done:
        ran.append([trial.name for trial in request.part.trials()])
        return Done(study=StudyTracker(tracking_uri="", study="", experiment_id="", run_id=""), outcomes=(), finished=0)

    monkeypatch.setattr(module, "run_study", note)
    monkeypatch.setattr(module, "_conclude", lambda done: None)
    assert run_campaign(campaign(tiny_lake, tmp_path, COLD, small_study(2))) is False
    assert ran == [["task=pixel data.ratio=10 seed=0", "task=pixel data.ratio=10 seed=1"]]
    assert "left out: no trial of study 'small' can run" in capsys.readouterr().err
    with pytest.raises(ExperimentError, match="the cell cryoseason melt has no train scene"):
        run_campaign(campaign(tiny_lake, tmp_path, COLD))
    assert len(ran) == 1
