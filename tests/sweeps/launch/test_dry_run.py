"""What a dry run says about the cost of a study."""

import platform
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from datasets.lake import Lake
from datasets.volume import LakeVolume
from sweeps.design.experiment import Experiment
from sweeps.launch import measure
from sweeps.launch.dry_run import Known, ask, show
from sweeps.launch.estimate import TrialCost
from sweeps.launch.strategy import OptunaSearch
from tests.mlflow_server import fresh_database
from tests.sweeps.launch.small_study import SPEC, small_study
from training.loop.step_cost import StepCost
from training.spec import TrialSpec
from training.tracking.mlflow_tracker import MlflowTracker, params_of
from training.tracking.past_runs import PastRun

STUDY = small_study(2, axes={"data.ratio": (5, 10), "data.patch_size": (16, 24)})
COST = {"seconds": 3600.0, "gpu_hours": 1.0, "cpu_hours": 2.0, "peak_memory_mib": 2048.0, "parameters": 250_000.0}


def past(spec: TrialSpec, **cost: float) -> PastRun:
    return PastRun(params=params_of(spec), tags={"lake": "lake1"}, cost={**COST, **cost})


def said(
    capsys: pytest.CaptureFixture[str], known: Known, *parts: Experiment, at_a_time: int | None = None
) -> list[str]:
    show(parts or (STUDY,), known, "s3://bucket/ray", at_a_time, measured=False)
    return capsys.readouterr().out.splitlines()


def test_finished_trials_say_what_the_others_will_cost(capsys: pytest.CaptureFixture[str], tiny_lake: Lake) -> None:
    known = Known(
        past=[past(SPEC.with_("seed", 5)), past(SPEC.with_all({"data.ratio": 5, "optimizer.lr": 0.5}), seconds=7200)],
        lake=LakeVolume.of(tiny_lake.url),
        notes=("asked somebody",),
    )
    lines = said(capsys, known, at_a_time=2)
    assert "small: 8 trials" in lines[0]
    assert "time: at least 4.0 GPU-hours and 8.0 CPU-hours; 3.0 h 2 at a time" in lines
    assert any(
        line.startswith("known: 4 of 8 trials; 2 by finished trials with the same settings, 2 by") for line in lines
    )
    assert "memory: up to 2.0 GiB for a trial" in lines
    assert "not known: time, memory and checkpoints of 4 of 8 trials; --measure times a few steps" in " ".join(lines)
    assert "disk: 4 MB of checkpoints under s3://bucket/ray, and 3 MB more for each trial that runs" in lines
    assert "records: 8 MB of networks in MLflow" in lines
    assert any(line.startswith("lake: each node reads ") and "(ratio 5, 10)" in line for line in lines)
    assert lines[-1] == "asked somebody"


def test_trials_that_have_finished_are_named_with_their_lake(capsys: pytest.CaptureFixture[str]) -> None:
    known = Known(past=[past(SPEC), past(SPEC.with_("seed", 1))])
    assert "finished before: 2 of them on lake lake1" in said(capsys, known)


def test_several_studies_have_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, Known(past=[past(SPEC)]), STUDY, replace(small_study(3), name="other"))
    rows = [" ".join(line.replace("│", " ").split()) for line in lines]
    assert "small 8 2 2.0 4.0" in rows
    assert "other 3 3 3.0 6.0" in rows
    assert "2 studies, 11 trials" in rows


def test_a_search_costs_as_many_trials_as_it_makes_up(capsys: pytest.CaptureFixture[str]) -> None:
    one = small_study(1)
    show([one], Known(past=[past(SPEC)]), "/ray", None, count=OptunaSearch(samples=40).count, measured=False)
    assert "time: 40.0 GPU-hours and 80.0 CPU-hours; 40.0 h one after the other" in capsys.readouterr().out


def test_the_tracking_server_of_a_study_is_asked(tmp_path: Path, tiny_lake: Lake) -> None:
    uri = fresh_database(tmp_path)
    tracker = MlflowTracker(uri, "s")
    tracker.start(SPEC, {})
    tracker.log_metrics({f"cost/{name}": value for name, value in COST.items()})
    tracker.finish("FINISHED")
    known = ask(uri, tiny_lake.url)
    assert [run.cost for run in known.past] == [COST]
    assert known.notes[0] == f"asked {uri}: 1 finished trial of known cost"
    assert known.notes[1].startswith(f"asked {tiny_lake.url}: ")
    nobody = ask("", "")
    assert (nobody.past, nobody.lake) == ([], None)
    assert nobody.notes[0].startswith("no finished trials: no tracking server is given")


def test_what_nobody_knows_is_measured(
    tiny_lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    timed: list[TrialSpec] = []

    def step_cost(spec: TrialSpec) -> StepCost:
        timed.append(spec)
        return StepCost(
            device="abacus",
            on_gpu=False,
            seconds=600,
            processor_seconds=1200,
            forward_seconds=0.0,
            memory_mib=512,
            parameters=1000,
        )

    monkeypatch.setattr(measure, "step_cost", step_cost)
    volume = LakeVolume.of(tiny_lake.url)
    costs: list[list[TrialCost | None]] = [[None] * 8]
    sentence = measure.fill_in([STUDY.trials()], costs, volume)
    assert len(timed) == 2, "networks and patches that differ, whatever the ratio and the seed"
    assert f"2 networks on {platform.node()} (abacus) with random patches" in sentence
    assert "training and scoring" in sentence
    for cost in costs[0]:
        assert cost is not None
        assert (cost.seconds, cost.cpu_hours, cost.source) == (2 * 3 * 600, 2.0, "measured")
    known = costs[0][0]
    assert known is not None
    kept = [[known, None]]
    assert "training alone" in measure.fill_in([STUDY.trials()[:2]], kept, None)
    assert kept[0][0] is known


def test_what_has_no_step_stays_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "step_cost", lambda spec: pytest.fail("nothing to time"))
    all_patches = {"data.task": "patch", "model.name": "cnn", "model.params": {}, "loop.batches_per_epoch": None}
    endless = small_study(1, base=SPEC.with_all(all_patches))
    costs: list[list[TrialCost | None]] = [[None]]
    assert measure.fill_in([endless.trials()], costs, None).startswith("measured: nothing")
    assert costs == [[None]]


def test_asking_a_database_and_a_lake_loads_nothing_heavy(tmp_path: Path, tiny_lake: Lake) -> None:
    uri = fresh_database(tmp_path)
    root = Path(__file__).parents[3]
    code = (
        "import sys, runpy\n"
        f"sys.argv = ['sweeps/downscale.py', '--dry-run', '--lake', {tiny_lake.url!r}, '--tracking-uri', {uri!r}]\n"
        "try: runpy.run_path('sweeps/downscale.py', run_name='__main__')\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print('loaded', sorted({'torch', 'ray', 'mlflow', 'zarr', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1:] == ["loaded []"], done.stdout + done.stderr
    assert "lake: each node reads" in done.stdout
