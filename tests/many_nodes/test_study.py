"""A build and a study by one submit, on Ray over several hosts: one is lost in the middle of a trial, one comes late.

Nothing is shared: lake and checkpoints are in a bucket, code comes with the job, and only the head, where the driver
runs, has a login at MLflow.
"""

import shutil
import subprocess
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from datasets.lake import Lake
from datasets.process.checkout import Code
from sweeps.record.life import EPOCHS, NODE
from tests.ingest.download.archive_server import ArchiveServer
from tests.ingest.stream.zip_archives import named, zipped
from tests.many_nodes.hosts import Host, Network, trouble
from tests.many_nodes.waiting import wait_for
from tests.mlflow_server import MlflowServer
from tests.object_store import ObjectStore
from tests.sweeps.launch.small_study import SPEC
from tests.sweeps.launch.small_study import __file__ as SMALL_STUDY
from training.tracking.run_metrics import metrics_today
from training.tracking.tracker import MemoryTracker
from training.trial import run_trial

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.skipif(bool(trouble()), reason=trouble())]

PASSWORD = "known-to-one-host"
TRIALS, MOST = 4, 10
LONG = SPEC.with_all({"loop.max_epochs": MOST, "loop.batches_per_epoch": 40, "loop.patience": MOST})
STUDY = f"""
from small_study import small_study
from sweeps.launch.command import main
from training.spec import TrialSpec

if __name__ == "__main__":
    main(small_study({TRIALS}, base=TrialSpec.from_dict({LONG.to_dict()!r})))
"""


def test_every_trial_once_whichever_host_is_lost_or_comes_late(
    s3: ObjectStore, raw_train: list[Path], raw_test: list[Path], tmp_path: Path
) -> None:
    mlflow = MlflowServer(tmp_path)
    with Network() as network, ArchiveServer({}) as server:
        server.files |= {"a.zip": zipped(named(raw_train[:6])), "b.zip": zipped(named(raw_test[:2], "test"))}
        mlflow.start()
        try:
            _run(network, server, mlflow, s3, tmp_path)
        finally:
            mlflow.stop()


def _run(network: Network, server: ArchiveServer, mlflow: MlflowServer, s3: ObjectStore, tmp_path: Path) -> None:
    bucket = f"s3://lake/{tmp_path.name}"
    store = s3.environment(endpoint=network.reach(s3.ports["s3"]))
    login = {"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD": PASSWORD}
    silence = {"period_ms": 1000, "timeout_ms": 5000, "failure_threshold": 3}  # a lost host is given up sooner
    head = network.host("head", {**store, **login, **{f"RAY_health_check_{k}": str(v) for k, v in silence.items()}})
    common = ["ray", "start", "--block", "--object-store-memory=100000000"]
    as_head = ["--head", "--port=6379", "--dashboard-host=0.0.0.0", "--disable-usage-stats", "--num-cpus=0"]
    head.start([*common, *as_head, f"--node-ip-address={head.address}"], tmp_path / "head.log")

    def node(name: str, clock_s: float) -> Host:
        host = network.host(name, store, clock_s=clock_s)
        words = [f"--address={head.address}:6379", f"--node-ip-address={host.address}", "--num-cpus=1"]
        host.start([*common, *words], tmp_path / f"{name}.log")
        return host

    _, lost = node("first", -120.0), node("lost", 120.0)
    job = head.inside("/tmp/job")
    Code.of().copy_to(job)
    shutil.copy(SMALL_STUDY, job)
    (job / "study.py").write_text(STUDY)
    archives = f"{network.reach(int(server.url.rpartition(':')[2].partition('/')[0]))}/named"
    build = f"python -m ingest build --lake {bucket}/lake --ratios 10 --scheduler ray"
    tracking = network.reach(mlflow.port, login=f"ann:{PASSWORD}")
    (job / "all.sh").write_text(
        f"{build} {archives}/a.zip && {build} --split test {archives}/b.zip &&\n"
        f"python study.py --lake {bucket}/lake --storage {bucket}/ray --tracking-uri {tracking}\n"
    )
    log = tmp_path / "job.log"
    submit = ["ray", "job", "submit", f"--address=http://{head.address}:8265", "--working-dir=/tmp/job"]
    again = f'until ray job list --address=http://{head.address}:8265 >/dev/null 2>&1; do sleep 1; done; exec "$@"'
    running = head.start(["sh", "-c", again, "sh", *submit, "--", "sh", "all.sh"], log)

    wait_for(lambda: _deep_in_a_trial_on("lost", mlflow), running, log)
    lost.lose()
    node("late", 0.0)
    assert running.wait(300) == 0, log.read_text()

    assert len(Lake.open(f"{bucket}/lake").catalog().scene_ids) == 8
    rows = sorted(_trials(mlflow), key=lambda run: run.info.start_time)
    finished = [run.data.tags["trial_id"] for run in rows if run.info.status == "FINISHED"]
    assert len(finished) == len(set(finished)) == TRIALS, "each is finished once"
    assert {run.info.status for run in rows} <= {"FINISHED", "KILLED", "FAILED"}
    assert "late" in {run.data.tags[NODE] for run in rows}
    killed, *_ = [run for run in rows if run.info.status != "FINISHED"]
    assert killed.data.tags[NODE] == "lost"
    again_run = next(run for run in rows if run.data.tags["trial_id"] == killed.data.tags["trial_id"] and run != killed)
    assert again_run.info.start_time > killed.info.start_time, "whatever their hosts' clocks say"
    assert all(run.info.end_time >= run.info.start_time for run in rows)
    for run in rows:
        if run.info.status == "FINISHED":
            assert [step for step, _ in mlflow.history(run, "val/f1")] == list(range(MOST))
    points = MlflowClient(mlflow.uri).get_metric_history(again_run.info.run_id, "val/f1")
    assert len({point.timestamp for point in points if point.step < 2}) == 1, "the first epochs are of its checkpoint"
    spec = LONG.with_("seed", int(killed.data.tags["seed"]))
    alone = run_trial(spec, Lake.open(f"{bucket}/lake"), MemoryTracker(), folder=tmp_path / "alone").metrics
    found = metrics_today(again_run.data.metrics)
    wanted = {name: value for name, value in alone.items() if name.startswith(("test/", "best/"))}
    assert {name: found.get(name) for name in wanted} == pytest.approx(wanted, nan_ok=True), (
        "as if nothing had happened"
    )
    said = subprocess.run(
        ["grep", "-rl", PASSWORD, str(head.inside("/tmp/ray")), str(log)], capture_output=True, text=True, check=False
    )
    assert said.stdout == "", "the login is in no log"


def _trials(mlflow: MlflowServer) -> list[Run]:
    return [run for run in mlflow.runs("small") if run.data.tags.get("kind") == "trial"]


def _deep_in_a_trial_on(host: str, mlflow: MlflowServer) -> bool:
    try:
        runs = _trials(mlflow)
    except AssertionError:  # there is no study yet
        return False
    return any(
        run.data.tags.get(NODE) == host and run.info.status == "RUNNING" and int(run.data.tags.get(EPOCHS, 0)) > 2
        for run in runs
    )
