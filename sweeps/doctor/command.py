"""The command line of the doctor: runs all checks at the same time, and prints them in order."""

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import typer

from datasets.process.checkout import ROOT
from datasets.process.machine import raise_open_files, shared_room, usable_cores, usable_memory
from datasets.process.ray_folder import folder_for_ray
from datasets.process.terminal import out, tell, user_errors
from sweeps.doctor import machine
from sweeps.doctor.accelerator import gpus
from sweeps.launch.finding import Check, Finding, with_time_limit
from sweeps.launch.options import Lakes, Storage, lakes_of, storage_of
from sweeps.record.tracking_option import USUAL_TRACKING, TrackingUri

_PATIENCE_S: Final = 60.0
_CLUSTER_S: Final = 300.0
"""For all nodes, which may have to unpack the project first."""
_COLORS: Final = {"ok": "green", "warning": "yellow", "error": "red"}


def doctor(lake: Lakes = None, tracking_uri: TrackingUri = "", storage: Storage = "") -> None:
    """Say whether a study would run here, one line for each thing; exits with 1 if it would not.

    Looks at software, machine, GPU, Ray, and from each of its nodes at lake, storage and MLflow. Nothing that it writes
    for a test stays.
    """
    with user_errors():
        from training.tracking.server import resolve_uri

        uri = resolve_uri(tracking_uri or USUAL_TRACKING)
        place = storage_of(storage)
    errors = late = 0
    for finding in examine(lakes_of(lake), uri, place):
        out.print(f"[{_COLORS[finding.level]}]{finding.level:8}[/]", end="")
        remedy = f": {finding.remedy}" if finding.remedy else ""
        tell(f"{finding.name:17} {finding.message}{remedy}")
        errors += finding.level == "error"
        late += finding.late
    tell("a study would fail here" if errors else "a study can run here")
    if late:  # what hangs in a client's library would keep the process alive
        sys.stdout.flush()
        os._exit(1)
    if errors:
        raise typer.Exit(1)


def examine(lake_urls: Sequence[str], tracking_uri: str, storage: str) -> Iterator[Finding]:
    """All findings, in order, each as soon as those before it are there."""
    checks: list[tuple[str, Check, float]] = [
        ("versions", partial(_software, [*lake_urls, storage]), _PATIENCE_S),
        ("machine", partial(_machine, storage), _PATIENCE_S),
        ("GPU", gpus, 2 * _PATIENCE_S),
        ("Ray", partial(_cluster, lake_urls, tracking_uri, storage), _CLUSTER_S),
    ]
    with ThreadPoolExecutor(len(checks)) as pool:
        for found in pool.map(lambda check: with_time_limit(*check), checks):
            yield from found


def _software(places: Sequence[str]) -> Iterator[Finding]:
    from sweeps.doctor.software import our_packages, python_path, versions, weights

    s3 = ("s3",) if any(place.startswith("s3") for place in places) else ()
    yield from versions(ROOT, ("train", "sweep", *s3))
    yield from our_packages(ROOT)
    yield from python_path(sys.executable)
    yield weights()


def _machine(storage: str) -> Iterator[Finding]:
    yield machine.cores_and_memory(usable_cores(), usable_memory(), os.cpu_count() or 1)
    yield machine.shared_memory(shared_room())
    yield machine.open_file_limit(raise_open_files())
    folder = tempfile.gettempdir()
    yield machine.temporary_folder(folder)
    if os.environ.get("RAY_ADDRESS", "local") == "local":
        yield machine.folder_of_ray(folder_for_ray)
    kept = {"results": ROOT / "results", "temporary files": Path(folder)}
    if "://" not in storage:
        kept["storage"] = Path(storage)
    for what, place in kept.items():
        yield machine.disk(what, place, machine.free_disk(place))


def _cluster(lake_urls: Sequence[str], tracking_uri: str, storage: str) -> Iterator[Finding]:
    try:
        from sweeps.doctor.cluster import ray_and_places
    except ImportError as error:
        yield Finding(name="Ray", level="error", message=f"not looked at, nor lake, storage and MLflow: {error}")
        return
    yield from ray_and_places(lake_urls, tracking_uri, storage)
