"""`infra/ray/wake.py` on a real head with Ray's autoscaler, whose machines are processes with a fake GPU."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from cluster_files import INFRA
from ray.autoscaler._private.fake_multi_node.node_provider import FAKE_HEAD_NODE_ID

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

HEAD = {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0}
WORKER = {
    "resources": {"CPU": 1, "GPU": 1, "object_store_memory": 80 * 2**20},
    "node_config": {},
    "min_workers": 0,
    "max_workers": 2,
}


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A head without GPU that may start workers with one; gives the environment of who talks to it."""
    config = {
        "cluster_name": "icebench",
        "max_workers": 2,
        "idle_timeout_minutes": 60,
        "provider": {"type": "fake_multinode", "launch_multiple": True, "head_node_id": FAKE_HEAD_NODE_ID},
        "available_node_types": {"head": HEAD, "gpu": WORKER},
        "head_node_type": "head",
    }
    (tmp_path / "cluster.yaml").write_text(json.dumps(config))
    short = Path(subprocess.check_output(["mktemp", "-d", "/tmp/ib-XXXX"], text=True).strip())  # sockets lie below it
    port, agent, grpc, metrics, client, runtime_env = free_ports(6)
    command = [Path(sys.executable).with_name("ray"), "start", "--head", "--block", "--num-cpus=0", "--num-gpus=0"]
    command += ["--node-ip-address=127.0.0.1"]  # a proxy of the machine may stand before its other addresses
    command += [f"--temp-dir={short}", f"--port={port}", "--include-dashboard=false"]
    command += [f"--dashboard-agent-listen-port={agent}", f"--dashboard-agent-grpc-port={grpc}"]
    command += [f"--metrics-export-port={metrics}", f"--ray-client-server-port={client}"]
    command += [f"--runtime-env-agent-port={runtime_env}", f"--autoscaling-config={tmp_path / 'cluster.yaml'}"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment |= {"RAY_AUTH_MODE": "disabled"}
    of_head = {
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        "RAY_FAKE_CLUSTER": "1",
        "RAY_enable_autoscaler_v2": "1",
        "RAY_CLOUD_INSTANCE_ID": FAKE_HEAD_NODE_ID,
        "RAY_OVERRIDE_NODE_ID_FOR_TESTING": FAKE_HEAD_NODE_ID,
    }
    with (tmp_path / "head.log").open("wb") as log:
        head = subprocess.Popen(
            command, env=environment | of_head, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    deadline = time.monotonic() + 60
    while "Ray runtime started" not in (tmp_path / "head.log").read_text():
        assert head.poll() is None, (tmp_path / "head.log").read_text()
        assert time.monotonic() < deadline, (tmp_path / "head.log").read_text()
        time.sleep(0.2)
    yield environment | {"RAY_ADDRESS": f"127.0.0.1:{port}"}
    head.send_signal(signal.SIGTERM)
    head.wait(60)
    shutil.rmtree(short, ignore_errors=True)


def test_a_worker_comes_and_the_request_is_taken_back(cluster: dict[str, str]) -> None:
    seen = "import ray; ray.init(logging_level='ERROR'); print(ray.cluster_resources().get('GPU', 0))"
    before = subprocess.run([sys.executable, "-c", seen], env=cluster, capture_output=True, text=True, timeout=100)
    assert before.stdout.strip() == "0", before.stderr
    done = subprocess.run(
        [sys.executable, INFRA / "ray" / "wake.py"], env=cluster, capture_output=True, text=True, timeout=150
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a worker with a GPU is there" in done.stdout
    after = subprocess.run([sys.executable, "-c", seen], env=cluster, capture_output=True, text=True, timeout=100)
    assert after.stdout.strip() == "1.0", after.stderr
    assert not ray.is_initialized()
