"""Trials against a real server that goes and comes, and what `sync` makes of what they left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from tests.mlflow_server import MlflowServer, SpoilingProxy, all_sent, fresh_database
from training.spec import TrialSpec
from training.tracking.delivery import MlflowDelivery
from training.tracking.journal import Journal, attempts, read_lines
from training.tracking.mlflow_tracker import MlflowTracker
from training.tracking.publisher import publish
from training.tracking.records import FileRecord, MetricsRecord, StartRecord
from training.tracking.server import TrackingError
from training.tracking.sync import sync

ROOT = Path(__file__).parents[3]
AWAY = "http://127.0.0.1:9"

TRIAL = """
import sys, time
from pathlib import Path
from training.spec import TrialSpec
from training.tracking.mlflow_tracker import MlflowTracker
uri, experiment, epochs, patience = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
tracker = MlflowTracker(uri, experiment, patience_s=patience)
tracker.start(TrialSpec(), {"recipe": "r"})
for epoch in range(epochs):
    tracker.log_metrics({"val/loss": 1.0 / (epoch + 1), "val/f1": epoch}, step=epoch)
    print(epoch, flush=True)
    if patience:
        time.sleep(0.01)
tracker.log_text("a: 1", "spec.yaml")
Path("best.pt").write_bytes(b"weights" * 1000)
tracker.log_file(Path("best.pt"), "checkpoint")
tracker.finish("FINISHED")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    server = MlflowServer(tmp_path_factory.mktemp("server"))
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture
def outbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("ICEBENCH_OUTBOX", str(tmp_path / "outbox"))
    return tmp_path / "outbox"


def trial(uri: str, experiment: str, folder: Path, *, epochs: int = 50, patience: float = 30) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", TRIAL, uri, experiment, str(epochs), str(patience)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(process: subprocess.Popen[str]) -> str:
    """Its stderr, when it has ended well."""
    _, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    return err


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sweeps", "sync", *words],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=240,
    )


def is_whole(server: MlflowServer, run: Run, epochs: int = 50) -> None:
    assert run.info.status == "FINISHED"
    assert run.data.params["data.ratio"] == "2"
    assert run.data.tags["recipe"] == "r"
    assert server.history(run, "val/f1") == [(epoch, float(epoch)) for epoch in range(epochs)]
    assert server.history(run, "val/loss") == [(epoch, 1.0 / (epoch + 1)) for epoch in range(epochs)]
    assert server.artifacts(run) == {"spec.yaml": b"a: 1", "checkpoint/best.pt": b"weights" * 1000}


def left_behind(outbox: Path, uri: str, experiment: str, steps: int = 3, attempt: str = "a1") -> None:
    """What a trial leaves that was killed before anything was sent."""
    start = StartRecord(
        time=1000, attempt=attempt, tracking_uri=uri, experiment=experiment, trial_id="t1", tags={"trial_id": "t1"}
    )
    made = Journal.create(outbox, start)
    for step in range(steps):
        made.append(MetricsRecord(time=1000 + step, step=step, values={"val/f1": float(step)}))
    made.close()


@pytest.mark.slow
def test_a_server_that_comes_back_during_the_trial_gets_all(server: MlflowServer, outbox: Path, tmp_path: Path) -> None:
    server.start()
    tracker = MlflowTracker(server.uri, "back", patience_s=240)
    tracker.start(TrialSpec(), {"recipe": "r"})
    try:
        for epoch in range(50):
            if epoch == 20:
                assert all_sent(tracker, 240)
                server.kill()
            tracker.log_metrics({"val/loss": 1.0 / (epoch + 1), "val/f1": epoch}, step=epoch)
        tracker.log_text("a: 1", "spec.yaml")
        (tmp_path / "best.pt").write_bytes(b"weights" * 1000)
        tracker.log_file(tmp_path / "best.pt", "checkpoint")
        assert not all_sent(tracker, 0.5)
    finally:
        server.start()
    tracker.finish("FINISHED")
    (run,) = server.runs("back")
    is_whole(server, run)
    assert list(outbox.iterdir()) == []


@pytest.mark.slow
def test_a_server_killed_during_the_trial_gets_the_rest_by_sync(
    server: MlflowServer, outbox: Path, tmp_path: Path
) -> None:
    server.start()
    process = trial(server.uri, "killed-server", tmp_path, epochs=300, patience=0.5)
    assert process.stdout is not None
    while not server_has(server, "killed-server"):
        time.sleep(0.1)
    server.kill()
    try:
        err = ended(process)
        assert "does not answer" in err
        assert f"`python -m sweeps sync --outbox {outbox}`" in err
        failed = command()
        assert failed.returncode == 1, failed.stderr
        assert "waits" in failed.stdout
        assert "does not answer" in failed.stdout
    finally:
        server.start()
    done = command("--outbox", str(outbox))
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = server.runs("killed-server")
    is_whole(server, run, epochs=300)
    nothing = command("--outbox", str(outbox))
    assert (nothing.returncode, nothing.stdout.strip()) == (0, f"nothing waits in {outbox}")


def server_has(server: MlflowServer, experiment: str) -> bool:
    client = MlflowClient(server.uri)
    found = client.get_experiment_by_name(experiment)
    return found is not None and any("val/f1" in run.data.metrics for run in client.search_runs([found.experiment_id]))


@pytest.mark.slow
def test_a_server_that_was_never_there(server: MlflowServer, outbox: Path, tmp_path: Path) -> None:
    server.kill()
    try:
        started = time.monotonic()
        ended(trial(server.uri, "never", tmp_path, patience=0.5))
        assert time.monotonic() - started < 60
    finally:
        server.start()
    (row,) = sync(outbox)
    assert (row.experiment, row.left, row.note) == ("never", 0, "")
    assert row.sent == 50 + 5  # start, params, text, file, finish
    (run,) = server.runs("never")
    is_whole(server, run)


@pytest.mark.slow
@pytest.mark.parametrize("there", [True, False], ids=["server there", "server away"])
def test_a_killed_trial_loses_nothing_that_it_told(
    there: bool, server: MlflowServer, outbox: Path, tmp_path: Path
) -> None:
    server.start()
    name = f"killed-{there}"
    began = time.monotonic()
    process = trial(server.uri if there else AWAY, name, tmp_path, epochs=10**6, patience=0)
    assert process.stdout is not None
    told = -1
    while told < 2000 or (there and not server_has(server, name)):
        told = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read()  # not by `communicate`, which does not see what `readline` has buffered
    process.communicate()
    lived_s = time.monotonic() - began
    told = int(rest.splitlines()[-1]) if rest else told
    (row,) = sync(outbox, tracking_uri=server.uri)
    assert (row.left, row.note) == (0, "its process died: ended as KILLED")
    (run,) = server.runs(name)
    assert run.info.status == "KILLED"
    assert run.info.end_time - run.info.start_time <= 1000 * lived_s, "it ended when it was last heard of"
    history = server.history(run, "val/f1")
    assert len(history) in (told + 1, told + 2), "one may have been told and not printed"
    assert history == [(epoch, float(epoch)) for epoch in range(len(history))]
    assert sync(outbox) == []


@pytest.mark.slow
def test_answers_that_are_lost_make_no_second_run(server: MlflowServer, outbox: Path, tmp_path: Path) -> None:
    server.start()
    with SpoilingProxy(server.port) as proxy:
        ended(trial(proxy.uri, "spoilt", tmp_path, patience=5))
        tries = 0
        while any(row.left for row in sync(outbox)):
            tries += 1
            assert tries < 60
        assert tries > 5, "the proxy spoilt nothing"
        assert all(count >= 3 for path, count in proxy.seen.items() if path.endswith(("log-batch", "spec.yaml")))
    (run,) = server.runs("spoilt")
    is_whole(server, run)
    assert list(outbox.iterdir()) == []


@pytest.mark.slow
def test_two_syncs_at_once_send_each_attempt_once(server: MlflowServer, outbox: Path) -> None:
    server.start()
    for k in range(6):
        left_behind(outbox, server.uri, "twice", attempt=f"a{k}")
    both = [
        subprocess.Popen([sys.executable, "-m", "sweeps", "sync"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=240)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    runs = server.runs("twice")
    assert sorted(run.data.tags["attempt"] for run in runs) == [f"a{k}" for k in range(6)]
    assert all(server.history(run, "val/f1") == [(0, 0.0), (1, 1.0), (2, 2.0)] for run in runs)
    assert list(outbox.iterdir()) == []


def test_living_attempts_are_left_alone(outbox: Path, tmp_path: Path) -> None:
    tracker = MlflowTracker(AWAY, "living", patience_s=0.2)
    tracker.start(TrialSpec(), {})
    (row,) = sync(outbox, tracking_uri=fresh_database(tmp_path))
    assert row.living
    assert (row.sent, row.left, row.trial_id) == (0, 0, TrialSpec().trial_id)
    tracker.finish("FAILED")
    assert sync(outbox)[0].living, "its thread goes on while its process lives"


def test_only_wanted_attempts_are_sent(outbox: Path, tmp_path: Path) -> None:
    uri = fresh_database(tmp_path)
    for name in ("one", "two"):
        left_behind(outbox, uri, name, attempt=name)
    (row,) = sync(outbox, wanted=lambda start: start.experiment == "two")
    assert (row.attempt, row.left) == ("two", 0)
    assert [path.name for path in attempts(outbox)] == ["one"]


def test_a_server_that_is_away_is_asked_once(outbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from training.tracking import sync as module

    asked: list[str] = []
    check = module.check_reachable
    monkeypatch.setattr(module, "check_reachable", lambda uri: (asked.append(uri), check(uri)))
    for k in range(3):
        left_behind(outbox, AWAY, "away", attempt=f"a{k}")
    rows = sync(outbox)
    assert asked == [AWAY]
    assert [(row.sent, row.left) for row in rows] == [(0, 5)] * 3
    assert all("does not answer" in row.note for row in rows)


def test_a_server_that_moved_with_another_store_gets_the_whole_trial(outbox: Path, tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    old, new = fresh_database(tmp_path / "old"), fresh_database(tmp_path / "new")
    tracker = MlflowTracker(old, "moved")
    tracker.start(TrialSpec(), {"recipe": "r"})
    tracker.log_metrics({"val/f1": 0.5}, step=0)
    assert all_sent(tracker, 240)
    journal = next(attempts(outbox))
    copy = outbox / "copy"  # as it would be if the process had died here
    copy.mkdir()
    for name in ("journal.jsonl", "sent.json"):
        (copy / name).write_bytes((journal / name).read_bytes())
    tracker.finish("FINISHED")
    (row,) = sync(outbox, tracking_uri=new)
    assert (row.left, row.note) == (0, "its process died: ended as KILLED")
    client = MlflowClient(new)
    experiment = client.get_experiment_by_name("moved")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.data.metrics, run.data.tags["recipe"]) == ({"val/f1": 0.5}, "r")
    assert run.info.run_id != tracker.run_id


def test_a_trial_killed_before_its_first_record_leaves_nothing(outbox: Path) -> None:
    (outbox / "a").mkdir(parents=True)
    (outbox / "a" / "journal.jsonl").write_bytes(b'0123abcd {"kind":"sta')
    assert sync(outbox) == []
    assert list(outbox.iterdir()) == []


def test_a_damaged_attempt_does_not_stop_the_others(outbox: Path, tmp_path: Path) -> None:
    uri = fresh_database(tmp_path)
    for name in ("bad", "good"):
        left_behind(outbox, uri, "damaged", attempt=name)
    journal = outbox / "bad" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"step":1', b'"step":7'))
    rows = {row.attempt: row for row in sync(outbox)}
    assert (rows["good"].left, rows["bad"].left) == (0, 1)
    assert "damaged at byte" in rows["bad"].note


def test_a_journal_without_its_first_line_is_named_and_kept(outbox: Path, tmp_path: Path) -> None:
    left_behind(outbox, fresh_database(tmp_path), "headless")
    journal = outbox / "a1" / "journal.jsonl"
    rest = b"".join(journal.read_bytes().splitlines(keepends=True)[1:])
    journal.write_bytes(rest)
    (row,) = sync(outbox)
    assert row.left == 1
    assert "lacks its first line" in row.note
    assert journal.read_bytes() == rest


def test_a_copy_cut_short_by_a_crash_of_the_machine_is_named(outbox: Path, tmp_path: Path) -> None:
    left_behind(outbox, fresh_database(tmp_path), "cut")
    taken = Journal.take(outbox / "a1")
    assert taken is not None
    (outbox / "notes.txt").write_text("whole")
    taken.append_copy(outbox / "notes.txt", "")
    (*_, record) = (line.record for line in read_lines(taken.folder))
    taken.close()
    assert isinstance(record, FileRecord)
    (outbox / "a1" / record.kept).write_text("wh")
    (row,) = sync(outbox)
    assert (row.sent, row.left) == (5, 1)
    assert "refused: the copy of notes.txt was cut short" in row.note


def test_a_wrong_uri_is_one_sentence(outbox: Path) -> None:
    with pytest.raises(TrackingError, match="MLflow refuses plain folders"):
        sync(outbox, tracking_uri="./mlruns")


def test_what_a_trial_that_died_was_refused_stays(outbox: Path, tmp_path: Path) -> None:
    uri = fresh_database(tmp_path)
    left_behind(outbox, uri, "refused")
    taken = Journal.take(outbox / "a1")
    assert taken is not None
    taken.append(MetricsRecord(time=2000, step=4, values={"what is % this": 1.0}))
    taken.append(MetricsRecord(time=2001, step=5, values={"val/f1": 5.0}))
    publish(taken, MlflowDelivery(uri))
    taken.close()
    for sent in (1, 0):  # the end is new; then nothing is
        (row,) = sync(outbox)
        assert (row.sent, row.left) == (sent, 1)
        assert "refused: MLflow at sqlite:///" in row.note
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("refused")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.status, run.data.metrics) == ("KILLED", {"val/f1": 5.0})
