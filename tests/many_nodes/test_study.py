"""A build and a study by one submit, on Ray over several hosts.

One is lost in the middle of a trial, and another is cut off at the same time; it comes back when its trial goes on
elsewhere. One comes late.

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
from datasets.storage import at_hand, exists
from sweeps.launch.order import folder_of
from sweeps.record.run_tags import EPOCHS, NODE
from tests.ingest.download.archive_server import ArchiveServer
from tests.ingest.stream.zip_archives import named, zipped
from tests.many_nodes.hosts import Host, Network, trouble
from tests.many_nodes.waiting import wait_for
from tests.mlflow_server import MlflowServer
from tests.object_store import ObjectStore
from tests.sweeps.launch.small_study import SPEC
from tests.sweeps.launch.small_study import __file__ as SMALL_STUDY
from training.loop.checkpoint import load_checkpoint
from training.loop.checkpoint_files import BEST, LAST
from training.tracking.run_content import metrics_today
from training.tracking.tracker import MemoryTracker
from training.trial import run_trial

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400), pytest.mark.skipif(bool(trouble()), reason=trouble())]

PASSWORD = "known-to-one-host"
TRIALS, MOST = 4, 16
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

    def node(name: str, clock_s: float) -> tuple[Host, "subprocess.Popen[bytes]"]:
        host = network.host(name, store, clock_s=clock_s)
        words = [f"--address={head.address}:6379", f"--node-ip-address={host.address}", "--num-cpus=1"]
        return host, host.start([*common, *words], tmp_path / f"{name}.log")

    _, (lost, _), (cut, cut_node) = node("first", -120.0), node("lost", 120.0), node("cut", 60.0)
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

    wait_for(lambda: all(_deep_in_a_trial_on(name, mlflow) for name in ("lost", "cut")), running, log)
    network.cut_off(cut)
    lost.lose()
    node("late", 0.0)
    wait_for(lambda: _goes_on_elsewhere("cut", mlflow), running, log)
    network.plug_in(cut)
    assert running.wait(900) == 0, log.read_text()
    assert cut_node.wait(240) != 0, "Ray ends a node that it has given up"

    assert len(Lake.open(f"{bucket}/lake").catalog().scene_ids) == 8
    rows = sorted(_trials(mlflow), key=lambda run: run.info.start_time)
    finished = [run.data.tags["trial_id"] for run in rows if run.info.status == "FINISHED"]
    assert len(finished) == len(set(finished)) == TRIALS, "each is finished once"
    assert {run.info.status for run in rows} <= {"FINISHED", "KILLED", "FAILED"}
    assert "late" in {run.data.tags[NODE] for run in rows}
    assert {run.data.tags[NODE] for run in rows if run.info.status != "FINISHED"} == {"lost", "cut"}
    assert all(run.info.end_time >= run.info.start_time for run in rows)
    for run in rows:
        if run.info.status == "FINISHED":
            assert [step for step, _ in mlflow.history(run, "val/f1")] == list(range(MOST))
    for name in ("lost", "cut"):
        killed, again_run = _attempts_at_a_trial_of(name, mlflow)
        assert again_run.info.start_time > killed.info.start_time, "whatever their hosts' clocks say"
        points = MlflowClient(mlflow.uri).get_metric_history(again_run.info.run_id, "val/f1")
        first, *_, last = sorted(point.timestamp for point in points if point.step < 2)
        assert last - first < 100, "the first epochs are of a checkpoint: told at once, in milliseconds"
        spec = LONG.with_("seed", int(killed.data.tags["seed"]))
        alone = run_trial(spec, Lake.open(f"{bucket}/lake"), MemoryTracker(), folder=tmp_path / "alone" / name)
        found = metrics_today(again_run.data.metrics)
        wanted = {name: value for name, value in alone.metrics.items() if name.startswith(("test/", "best/"))}
        assert {name: found.get(name) for name in wanted} == pytest.approx(wanted, nan_ok=True), (
            "as if nothing had happened"
        )
        kept = folder_of(f"{bucket}/ray", alone.trial_id)
        with at_hand(f"{kept}/{BEST}") as path:
            assert load_checkpoint(Path(path)).epoch == alone.best_epoch, "the newest attempt's, not an older one's"
        assert not exists(f"{kept}/{LAST}")
    said = subprocess.run(
        ["grep", "-rl", PASSWORD, str(head.inside("/tmp/ray")), str(log)], capture_output=True, text=True, check=False
    )
    assert said.stdout == "", "the login is in no log"


def _trials(mlflow: MlflowServer) -> list[Run]:
    return [run for run in mlflow.runs("small") if run.data.tags.get("kind") == "trial"]


def _attempts_at_a_trial_of(host: str, mlflow: MlflowServer) -> list[Run]:
    """The run that ended badly on a host, and what came after it, oldest first; empty where none has ended yet."""
    rows = sorted(_trials(mlflow), key=lambda run: run.info.start_time)
    own = [run.data.tags["trial_id"] for run in rows if run.data.tags.get(NODE) == host]
    return [run for run in rows if own and run.data.tags["trial_id"] == own[-1]]


def _goes_on_elsewhere(host: str, mlflow: MlflowServer) -> bool:
    """Whether a later attempt at the trial of a host has more epochs by now."""
    before, *after = _attempts_at_a_trial_of(host, mlflow)
    return any(int(run.data.tags.get(EPOCHS, 0)) > int(before.data.tags[EPOCHS]) for run in after)


def _deep_in_a_trial_on(host: str, mlflow: MlflowServer) -> bool:
    try:
        runs = _trials(mlflow)
    except AssertionError:  # there is no study yet
        return False
    return any(
        run.data.tags.get(NODE) == host and run.info.status == "RUNNING" and int(run.data.tags.get(EPOCHS, 0)) > 2
        for run in runs
    )
