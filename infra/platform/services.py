"""How the three servers are started: their words and variables, each on loopback only. Used by tests too."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

S3_PORTS: Final = ("s3", "master", "volume", "filer", "admin")
"""Ports of SeaweedFS; each also takes the port 10000 above it."""
NODE_PORTS: Final = (
    "dashboard-agent-listen-port",
    "dashboard-agent-grpc-port",
    "metrics-export-port",
    "runtime-env-agent-port",
)
"""Ports of every node of Ray."""
HEAD_PORTS: Final = ("port", "dashboard-port", "ray-client-server-port", *NODE_PORTS)

MLFLOW_QUIET: Final = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # ten processes and 2 GB that nothing here needs
    "MLFLOW_DISABLE_TELEMETRY": "true",
}

RAY_ON_LOOPBACK: Final = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Without it, Ray on Linux takes another address of the machine for 127.0.0.1, and listens on all. For clients too.

The name speaks of the systems where this is the default; no option says the same.
"""


def program(name: str) -> str:
    """Path of a program that pip installed beside this Python, else of the one on the PATH."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name) or name


def object_store_words(folder: str, bucket: str, ports: Mapping[str, int], *, users: str = "") -> list[str]:
    """SeaweedFS with one bucket.

    Args:
        folder: Where objects are kept.
        bucket: Made if it is not there.
        ports: By the names of `S3_PORTS`.
        users: File with users and their rights; without, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of its environment
            name the one user.
    """
    flags = {
        "dir": folder,
        "bucket": bucket,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        **({"s3.config": users} if users else {}),
        "s3.allowDeleteBucketNotEmpty": "false",
        "s3.autoCreateBucket": "false",
        "master.telemetry": "false",
        "webdav": "false",
        "admin.ui": "false",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        **{f"{name}.port": ports[name] for name in S3_PORTS},
    }
    return [program("weed"), "-logtostderr=true", "mini", *(f"-{name}={value}" for name, value in flags.items())]


def mlflow_words(port: int, database: str, artifacts: str) -> list[str]:
    """MLflow's server with one worker; artifacts pass through it, so clients need no keys. See `MLFLOW_QUIET`."""
    words = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
    return [*words, "--backend-store-uri", database, "--artifacts-destination", artifacts]


def ray_words(temp_folder: str, ports: Mapping[str, int], *, head: str = "", cpus: int | None = None) -> list[str]:
    """A node of Ray that runs until it is ended; a head where no address of one is given.

    Args:
        temp_folder: Of this node alone; sockets lie below it, and the path of a socket holds 107 characters.
        ports: By the names of `HEAD_PORTS` or `NODE_PORTS`.
        head: `host:port` of the head to join.
        cpus: Without: as many as Ray finds.
    """
    role = [f"--address={head}"] if head else ["--head", "--dashboard-host=127.0.0.1", "--disable-usage-stats"]
    words = [program("ray"), "start", "--block", "--node-ip-address=127.0.0.1", f"--temp-dir={temp_folder}", *role]
    words += ["--min-worker-port=0", "--max-worker-port=0"]  # any: another Ray here has the usual range too
    words += [f"--num-cpus={cpus}"] if cpus is not None else []
    return words + [f"--{name}={port}" for name, port in ports.items()]
