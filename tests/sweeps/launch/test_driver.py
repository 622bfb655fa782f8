"""The driver killed, the tracking server away for a while, a trial that raises always."""

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from datasets.lake import Lake
from datasets.process.ray_session import nodes
from sweeps.launch.cluster import cluster
from sweeps.launch.order import Order
from sweeps.launch.placement import Placement, slots_for
from sweeps.launch.trials import RETRIES, run_trials
from sweeps.record.studies import list_studies
from tests.mlflow_server import MlflowServer, fresh_database
from tests.offspring import lives, wait_until_gone, watched_offspring
from tests.quick_downscale import QUICK_STUDY
from tests.sweeps.launch.small_study import (
    SPEC,
    Events,
    finished_once,
    orders_of_nobody,
    request_of,
    rows_of,
    run,
    small_study,
)

ROOT = Path(__file__).parents[3]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

LONG = SPEC.with_all({"loop.max_epochs": 12, "loop.batches_per_epoch": 10, "loop.patience": 12})


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "local")
    monkeypatch.setenv("ICEBENCH_CACHE", str(tmp_path / "cache"))


def words_of(lake: Lake, folder: Path, *, seeds: int, study: str = QUICK_STUDY) -> list[str]:
    words = [sys.executable, study, "--smoke", "--task", "pixel", "--only", "data.ratio=10"]
    words += ["--seeds", str(seeds), "--lake", lake.url, "--tracking-uri", fresh_database(folder)]
    return [*words, "--storage", str(folder / "storage")]


def stop_in_the_middle(words: list[str], folder: Path, how: signal.Signals) -> int:
    """Starts a driver, sends it a signal when a trial has its first checkpoint; how it ended."""
    driver = subprocess.Popen(
        words,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # tests in the background ignore Ctrl-C
    )
    deadline = time.monotonic() + 400
    while not list(folder.glob("storage/checkpoints/*/last.pt")):
        assert driver.poll() is None, "it must not end before it is stopped"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    driver.send_signal(how)
    return driver.wait(240)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_a_study_with_its_trials_and_says_so(how: signal.Signals, tiny_lake: Lake, tmp_path: Path) -> None:
    """Ctrl-C, and the polite kill of `ray job stop`."""
    with watched_offspring() as living:
        # A quick trial may be stopped before the tracking server has heard of it.
        words = words_of(tiny_lake, tmp_path, seeds=1, study="sweeps/downscale.py")
        code = stop_in_the_middle(words, tmp_path, how)
        assert code == 128 + how  # as the shell says it
        assert wait_until_gone(living, 240) == []
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    (row,) = list_studies(uri)
    assert row.status == "FAILED"
    assert [trial.status for trial in rows_of(row.tracker(uri))] == ["KILLED"]


def test_a_killed_driver_starts_again_and_its_trials_go_on(tiny_lake: Lake, tmp_path: Path) -> None:
    words, uri = words_of(tiny_lake, tmp_path, seeds=2), f"sqlite:///{tmp_path}/mlflow.db"
    with watched_offspring() as living:
        stop_in_the_middle(words, tmp_path, signal.SIGKILL)
        killed = living()

    again = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=800)
    assert again.returncode == 0, again.stderr
    (row,) = list_studies(uri)
    study = row.tracker(uri)
    deadline = time.monotonic() + 240
    while not finished_once(study, 2):  # a trial that outlived the killed driver stops, and says so
        assert time.monotonic() < deadline, [(row.trial_id, row.status) for row in rows_of(study)]
        time.sleep(1)
    assert row.status == "FINISHED"
    assert row.design is not None
    assert row.design.axes["task"] == ("pixel", "patch")  # the record is of the whole study, whatever part was run
    assert wait_until_gone(lambda: [each for each in killed if each.is_running() and lives(each)], 240) == []


def test_a_tracking_server_away_in_the_middle_costs_nothing(tiny_lake: Lake, tmp_path: Path) -> None:
    server = MlflowServer(tmp_path)
    server.start()

    def away() -> None:
        server.kill()
        threading.Thread(target=server.start).start()  # which takes seconds, more of them on a busy machine

    try:
        done = run(small_study(2, base=LONG), request_of(tiny_lake, tmp_path, uri=server.uri), Events(away))
        assert not done.failed
        assert finished_once(done.study, 2)
        assert all(row.metrics["test/f1"] >= 0 for row in rows_of(done.study))
    finally:
        server.kill()


def test_a_trial_that_raises_always_is_tried_thrice_again_and_then_listed(tmp_path: Path) -> None:
    def work(config: dict[str, Any]) -> None:
        order = Order.of_config(config)
        with (tmp_path / order.labels["seed"]).open("a") as file:
            file.write("x")
        if order.labels["seed"] == "0":
            raise RuntimeError("the disk of this node is on fire")

    placement = Placement(cpus=1, gpus=0, max_concurrent=None, storage=str(tmp_path))
    events = Events()
    with cluster():
        outcomes = run_trials(orders_of_nobody(3), placement, slots_for(nodes(), placement), events, work=work)
    errors = {outcome.name: outcome.error for outcome in outcomes}
    assert "RuntimeError: the disk of this node is on fire" in (errors.pop("seed=0") or "")
    assert errors == {"seed=1": None, "seed=2": None}
    assert {name: len((tmp_path / name).read_text()) for name in "012"} == {"0": 1 + RETRIES, "1": 1, "2": 1}
    assert Counter(event.failed for event in events.seen if event.ended) == {True: 1, False: 2}
