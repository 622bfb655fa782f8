"""One driver at a time runs a study, and a dead one does not keep it."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
from mlflow import MlflowClient

import sweeps.record.claim
from datasets.lake import Lake
from datasets.lock import holder_of
from datasets.lock_holder import Holder
from datasets.prefixes import sizes
from datasets.storage import create, remove, replace
from sweeps.record.claim import StudyClaimedError, claimed, lock_url, storage_changed
from sweeps.record.studies import list_studies
from sweeps.record.study import StudyTracker
from tests.mlflow_server import fresh_database
from tests.sweeps.launch.small_study import request_of, run, small_study
from training.tracking.server import TrackingError

ROOT = Path(__file__).parents[3]

DRIVER = """
import sys, time
from sweeps.record import claim
from sweeps.record.claim import StudyClaimedError, claimed
claim.STALE_S, claim.BEAT_S = 3, 0.5  # who is slow to look must not find a living one stale
storage, seconds = sys.argv[1], float(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
try:
    with claimed(storage, "s", "l"):
        print("runs", flush=True)
        time.sleep(seconds)
except StudyClaimedError as error:
    print(error, flush=True)
"""


@pytest.fixture(params=["disk", pytest.param("s3", marks=pytest.mark.slow)])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        request.getfixturevalue("s3")
        return f"s3://lake/{tmp_path.name}"
    return str(tmp_path / "storage")


def put(storage: str, **changes: object) -> None:
    holder = {"token": "other", "host": "elsewhere", "pid": 1, "beat": time.time()} | changes
    replace(lock_url(storage, "s", "l"), Holder.model_validate(holder).model_dump_json().encode())


@contextmanager
def drivers(storage: str, count: int = 1) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that take the study at the same moment and hold it for ten minutes."""
    words = [sys.executable, "-c", DRIVER, storage, "600"]
    with ExitStack() as stack:
        found = [
            stack.enter_context(
                subprocess.Popen(
                    words,
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # ignored in the background
                )
            )
            for _ in range(count)
        ]
        try:
            for each in found:
                assert said(each) == "ready"
            for each in found:
                assert each.stdin is not None
                each.stdin.write("\n")
                each.stdin.flush()
            yield found
        finally:
            for each in found:
                each.kill()


def said(driver: subprocess.Popen[str]) -> str:
    assert driver.stdout is not None
    return driver.stdout.readline().strip()


def left_in(storage: str) -> list[str]:
    return list(sizes(f"{storage}/studies/s-l"))


def test_a_study_is_free_again_after_its_driver(storage: str) -> None:
    other = pytest.raises(StudyClaimedError, match=f"run by process {os.getpid()} on")
    with claimed(storage, "s", "l") as first, other, claimed(storage, "s", "l"):
        pass
    with claimed(storage, "s", "l") as second, claimed(storage, "s", "another lake"):
        assert first.holder.token != second.holder.token
    assert left_in(storage) == []


@pytest.mark.slow
def test_of_two_drivers_that_start_together_one_is_refused_and_told_who_runs(storage: str) -> None:
    with drivers(storage, 2) as both:
        answers = {said(each): each for each in both}
        runs = answers.pop("runs")
        ((refusal, _),) = answers.items()
        assert f"study 's' is being run by process {runs.pid} on {socket.gethostname()}: wait for it" in refusal
        runs.terminate()
        assert runs.wait(120) == 143
        assert left_in(storage) == [], "SIGTERM frees it"


@pytest.mark.slow
def test_ctrl_c_frees_the_study(storage: str) -> None:
    with drivers(storage) as (runs,):
        assert said(runs) == "runs"
        with pytest.raises(StudyClaimedError, match=f"run by process {runs.pid} on"), claimed(storage, "s", "l"):
            pass
        runs.send_signal(signal.SIGINT)
        runs.wait(120)
        assert left_in(storage) == []


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks often, and is patient with a driver that lives on a busy machine."""
    monkeypatch.setattr(sweeps.record.claim, "_GLANCE_S", 0.05)


@contextmanager
def beating(storage: str, *, ahead: float = 0.0, **changes: object) -> Iterator[None]:
    """A driver elsewhere that lives, whose clock is so many seconds ahead of ours."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(0.2):
            put(storage, beat=time.time() + ahead, **changes)

    put(storage, beat=time.time() + ahead, **changes)
    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("ahead", [-120.0, 120.0])
def test_a_driver_elsewhere_holds_it_while_it_says_that_it_lives(
    storage: str, ahead: float, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        beating(storage, ahead=ahead),
        pytest.raises(StudyClaimedError, match="process 1 on elsewhere: wait for it"),
        claimed(storage, "s", "l"),
    ):
        pass
    put(storage, beat=time.time() + ahead)
    monkeypatch.setattr(sweeps.record.claim, "STALE_S", 2.0)
    with claimed(storage, "s", "l"):
        pass
    assert left_in(storage) == [], "the stale claim goes with the one that replaced it"


def test_a_driver_on_a_host_of_the_same_name_is_not_taken_for_a_dead_one_here(storage: str, impatient: None) -> None:
    """Hosts of a cluster often have one name, and numbers of processes mean nothing on another."""
    with (
        beating(storage, host=socket.gethostname(), pid=2**22, machine="another"),
        pytest.raises(StudyClaimedError, match="wait for it"),
        claimed(storage, "s", "l"),
    ):
        pass


def test_a_study_that_is_given_back_while_it_is_watched_is_taken(storage: str, impatient: None) -> None:
    put(storage)
    threading.Timer(0.3, remove, [lock_url(storage, "s", "l")]).start()
    with claimed(storage, "s", "l"):
        pass
    assert left_in(storage) == []


@pytest.mark.slow
def test_a_driver_that_was_killed_here_is_replaced_at_once(storage: str) -> None:
    with drivers(storage) as (runs,):
        assert said(runs) == "runs"
        runs.kill()
        runs.wait(120)
        assert left_in(storage) != []
        with claimed(storage, "s", "l"):
            pass
        assert left_in(storage) == []


@pytest.mark.slow
def test_of_many_that_replace_a_dead_driver_one_stays(storage: str) -> None:
    put(storage, beat=0.0)
    with drivers(storage, 4) as every, ThreadPoolExecutor() as pool:
        answers = list(pool.map(said, every))
        assert answers.count("runs") == 1, answers
        assert all(answer == "runs" or "is being run by process" in answer for answer in answers)
        runs = every[answers.index("runs")]
        runs.terminate()
        runs.wait(120)
        assert left_in(storage) == []


def test_a_driver_that_was_only_thought_dead_learns_that_it_was_replaced(
    storage: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sweeps.record.claim, "BEAT_S", 0.2)
    with claimed(storage, "s", "l") as first:
        began, deadline = first.holder.beat, time.monotonic() + 120
        while (found := holder_of(first.url)) is not None and found.beat == began:
            assert time.monotonic() < deadline, "it says again and again that it lives"
            time.sleep(0.05)
        assert found is not None
        assert found.token == first.holder.token
        assert create(f"{first.url}.{first.holder.token}", Holder.this_process().model_dump_json().encode())
        assert not first.is_held()
        assert not first.renew()
        while "was taken over by process" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.05)
    assert "was taken over by process" in caplog.text
    assert len(left_in(storage)) == 2, "the claim of the other stays"


def test_a_claim_that_nobody_can_read_is_none(storage: str) -> None:
    for torn in (b"{}", b"", b'{"token": "a/../b", "host": "h", "pid": 1}'):
        replace(lock_url(storage, "s", "l"), torn)
        with claimed(storage, "s", "l"):
            pass
        assert left_in(storage) == []


@pytest.fixture
def study(tmp_path: Path) -> StudyTracker:
    return StudyTracker.open(fresh_database(tmp_path), study="s", lake="l")


def test_another_storage_is_told_and_a_driver_there_is_found(
    study: StudyTracker, tmp_path: Path, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    assert storage_changed(study, one, "l") == ""
    assert storage_changed(study, one, "l") == ""
    assert (
        f"ran with --storage {one} before: with {two} its unfinished trials start from the beginning"
        in storage_changed(study, two, "l")
    )
    refused = pytest.raises(StudyClaimedError, match=f"process 1 on elsewhere with --storage {two}: wait for it")
    with beating(two), refused:
        storage_changed(study, one, "l")
    monkeypatch.setattr(sweeps.record.claim, "STALE_S", 2.0)
    assert f"ran with --storage {two} before" in storage_changed(study, one, "l")
    study.set_tag("storage", "nowhere://at/all")
    assert "make sure that there is none" in storage_changed(study, one, "l")
    assert study.tag("storage") == one


def test_what_goes_away_hides_neither_the_error_nor_the_end(
    study: StudyTracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object, **__: object) -> None:
        raise TrackingError("the server is away")

    def broken() -> None:
        with claimed(str(tmp_path), "s", "l"):
            try:
                raise RuntimeError("the network broke")
            except RuntimeError:
                for name in ("children_rows", "finish", "set_tag"):
                    monkeypatch.setattr(StudyTracker, name, away)
                monkeypatch.setattr("datasets.lock.remove", away)
                study.finish_after_error("FAILED", with_trials=True)
                raise

    with pytest.raises(RuntimeError, match="the network broke"):
        broken()
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith("the end of study s is not in MLflow: ")
    assert "could not be removed: the server is away" in second


def test_a_second_driver_leaves_the_trials_of_the_first_alone(tiny_lake: Lake, tmp_path: Path) -> None:
    """Whether both have the same storage or not."""
    study_of_one, request = small_study(1), request_of(tiny_lake, tmp_path, uri=fresh_database(tmp_path))
    with (
        claimed(str(tmp_path / "storage"), "small", tiny_lake.digest),
        pytest.raises(StudyClaimedError, match=f"'small' is being run by process {os.getpid()} on"),
    ):
        run(study_of_one, request)
    assert list_studies(request.tracking_uri) == (), "it is refused before it writes anything"

    study = StudyTracker.open(request.tracking_uri, study="small", lake=tiny_lake.digest)
    tags = {"kind": "trial", "trial_id": "t", "mlflow.parentRunId": study.run_id}
    MlflowClient(study.tracking_uri).create_run(study.experiment_id, tags=tags)
    elsewhere = str(tmp_path / "elsewhere")
    study.set_tag("storage", elsewhere)
    with (
        claimed(elsewhere, "small", tiny_lake.digest),
        pytest.raises(StudyClaimedError, match=f"with --storage {elsewhere}: wait for it"),
    ):
        run(study_of_one, request)
    assert [row.status for row in study.children_rows()] == ["RUNNING"]
    assert study.tag("storage") == elsewhere
