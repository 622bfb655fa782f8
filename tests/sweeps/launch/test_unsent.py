"""`python -m sweeps sync` as a person sees it, and a study whose trials could not send."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sweeps.__main__ import app
from sweeps.launch.trials import Outcome
from sweeps.launch.unsent import fail_unrecorded, send_waiting_records
from sweeps.record.state import STOPPED, states_of
from sweeps.record.study import StudyTracker
from tests.finished_trials import finished_trials
from tests.mlflow_server import fresh_database
from training.spec import TrialSpec
from training.tracking.journal import Journal
from training.tracking.records import FinishRecord, MetricsRecord, StartRecord


def leave(outbox: Path, study: StudyTracker, spec: TrialSpec, uri: str = "") -> None:
    """What a trial leaves that ended well while its server was away."""
    tags = {"trial_id": spec.trial_id, "mlflow.parentRunId": study.run_id}
    start = StartRecord(
        time=1000,
        attempt=f"a{spec.seed}",
        tracking_uri=uri or study.tracking_uri,
        experiment=study.study,
        trial_id=spec.trial_id,
        tags=tags,
    )
    made = Journal.create(outbox, start)
    made.append(MetricsRecord(time=1000, step=0, values={"test/f1": 0.5}))
    made.append(FinishRecord(time=2000, status="FINISHED"))
    made.close()


@pytest.fixture
def study(tmp_path: Path) -> StudyTracker:
    return StudyTracker.open(fresh_database(tmp_path), study="s", lake="l")


@pytest.fixture
def outbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("ICEBENCH_OUTBOX", str(tmp_path / "outbox"))
    (tmp_path / "outbox").mkdir()
    return tmp_path / "outbox"


def test_sync_shows_what_it_sent_and_ends_with_0(outbox: Path, study: StudyTracker) -> None:
    spec = TrialSpec(seed=1)
    leave(outbox, study, spec)
    done = CliRunner().invoke(app, ["sync"], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    words = done.output.split()
    assert {"a1", spec.trial_id, "s", "sent"} <= set(words)
    assert finished_trials(study) == {spec.trial_id: {"test/f1": 0.5}}
    again = CliRunner().invoke(app, ["sync"], env={"COLUMNS": "200"})
    assert (again.exit_code, again.output.strip()) == (0, f"nothing waits in {outbox}")


def test_sync_says_what_is_left_and_ends_with_1(outbox: Path, study: StudyTracker) -> None:
    leave(outbox, study, TrialSpec(), uri="http://127.0.0.1:9")
    done = CliRunner().invoke(app, ["sync"], env={"COLUMNS": "200"})
    assert done.exit_code == 1
    assert "a0: the MLflow server http://127.0.0.1:9 does not answer" in done.output
    moved = CliRunner().invoke(app, ["sync", "--tracking-uri", study.tracking_uri], env={"COLUMNS": "200"})
    assert moved.exit_code == 0, moved.output
    assert len(finished_trials(study)) == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--outbox", "/nowhere/at/all"], "there is no folder '/nowhere/at/all'"),
        (["--tracking-uri", "./mlruns"], "MLflow refuses plain folders"),
    ],
)
def test_what_cannot_work_is_one_sentence(words: list[str], sentence: str, outbox: Path) -> None:
    done = CliRunner().invoke(app, ["sync", *words], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert sentence in " ".join(done.output.split())


def test_a_study_sends_what_its_trials_left_and_nothing_else(outbox: Path, study: StudyTracker, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = StudyTracker.open(fresh_database(tmp_path / "other"), study="s", lake="l")
    leave(outbox, study, TrialSpec(seed=1))
    leave(outbox, other, TrialSpec(seed=2))
    send_waiting_records(study)
    assert finished_trials(study).keys() == {TrialSpec(seed=1).trial_id}
    assert [path.name for path in outbox.iterdir()] == ["a2"]


def test_a_trial_whose_results_are_elsewhere_counts_as_failed(outbox: Path, study: StudyTracker) -> None:
    specs = [TrialSpec(seed=seed) for seed in range(3)]
    leave(outbox, study, specs[0])
    send_waiting_records(study)
    outcomes = [
        Outcome(trial_id=spec.trial_id, name=f"seed={spec.seed}", error=error)
        for spec, error in zip(specs, (None, None, "out of memory"), strict=True)
    ]
    rows = study.children_rows()
    errors = [outcome.error for outcome in fail_unrecorded(outcomes, states_of(rows))]
    assert errors[0] is None
    assert f"type `python -m sweeps sync --outbox {outbox}` on the node where it ran" in (errors[1] or "")
    assert errors[2] == "out of memory"
    stopped = rows[0].model_copy(update={"status": "KILLED", "metrics": {STOPPED: 3.0}})
    assert fail_unrecorded(outcomes[:1], states_of([stopped]))[0].error is None, "a scheduler had seen enough of it"
