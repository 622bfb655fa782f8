"""The Ray that a study runs on: its environment, its resources, and a check of every node."""

import logging
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from datasets.errors import ClusterError
from datasets.process.checkout import git_commit
from datasets.process.ray_session import ray_session
from sweeps.launch.finding import Finding
from sweeps.launch.places import Mark, check_places, marked
from training.tracking.login import Login
from training.tracking.outbox import default_outbox

_PATIENCE_S: Final = 180.0
"""Longest wait for the check of a node; a new worker has to unpack the project and to import it."""

_LAST_STEP_S: Final = "30"
"""Time that a trial which a scheduler stops has to close its record, before its process is ended (Ray: 2 s)."""


ADVICE: Final = "start one with `ray start --head --block`, or unset RAY_ADDRESS to start one for the time of the study"
"""What to do where no Ray answers."""


@contextmanager
def cluster(modules: Iterable[str] = ()) -> Iterator[None]:
    """Joins the cluster that RAY_ADDRESS names or that runs on this machine, else starts one that ends with the study.

    Args:
        modules: Of the user's own networks; they go to the nodes with our packages.

    Raises:
        ClusterError: There is none at the address, it cannot be used from here, or none can be started.
    """
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # Tune's own reporter prints each failure; our watcher does
    os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")  # Ctrl-C ends the study; Tune would call it a success
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    variables = {
        "ICEBENCH_GIT_COMMIT": git_commit(),
        "ICEBENCH_OUTBOX": str(default_outbox()),  # the same path on each node, on its own disk
        "TUNE_FUNCTION_THREAD_TIMEOUT_S": _LAST_STEP_S,
    }
    with ray_session(variables, modules=modules, advice=ADVICE):
        yield


@dataclass(frozen=True, kw_only=True)
class NodeReport:
    """What one node, by its address, sees of its places.

    `drift_s` are the seconds that its clock surely is ahead of the driver's, negative behind it: its answer came from
    the driver's future, or began in the past of the question.
    """

    node: str
    findings: tuple[Finding, ...]
    drift_s: float = 0.0


def check_places_from_nodes(lake_urls: Sequence[str], tracking_uri: str, storage: str) -> list[NodeReport]:
    """Looks from every living node at lakes, tracking server and storage, see `sweeps.launch.places`."""
    alive = [node for node in ray.nodes() if node["Alive"]]
    began = time.time()
    with marked(tracking_uri, storage) as marks:
        places = (list(lake_urls), tracking_uri, storage, marks, Login.found())
        asked = {
            _check_places_there.options(
                num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ).remote(*places): node["NodeManagerAddress"]
            for node in alive
        }
        _, late = ray.wait(list(asked), num_returns=len(asked), timeout=_PATIENCE_S)
    return [_report(asked[each], began, None if each in late else each) for each in asked]


def _report(node: str, began: float, answer: "ray.ObjectRef[Any] | None") -> NodeReport:
    remedy = ""
    if answer is None:
        trouble = f"it did not answer within {_PATIENCE_S:.0f} s"
        remedy = "raylet.err and worker-*.err in the logs of its Ray, mostly /tmp/ray/session_latest/logs, say why"
    else:
        try:
            start, found, end = ray.get(answer)
            drift = min(start - began, 0.0) or max(end - time.time(), 0.0)
            return NodeReport(node=node, findings=tuple(found), drift_s=drift)
        except ray.exceptions.RayError as error:
            trouble = f"it cannot run this project ({str(error).splitlines()[-1]})"
    return NodeReport(node=node, findings=(Finding(name="node", level="error", message=trouble, remedy=remedy),))


def check_nodes(lake_urls: Sequence[str], tracking_uri: str, storage: str) -> None:
    """Checks from every node the lakes, the tracking server and the storage, before the first trial.

    Raises:
        ClusterError: One of them cannot be used from a node; the message names both.
    """
    reports = check_places_from_nodes(lake_urls, tracking_uri, storage)
    first = {each.node: finding for each in reports for finding in reversed(each.findings) if finding.level == "error"}
    for node, finding in first.items():
        more = f" ({len(first)} of {len(reports)} nodes)" if len(first) > 1 else ""
        remedy = f": {finding.remedy}" if finding.remedy else ""
        raise ClusterError(f"node {node}: {finding.message}{remedy}{more}; nothing was started")


@ray.remote(max_retries=0)
def _check_places_there(
    lake_urls: list[str], tracking_uri: str, storage: str, marks: list[Mark], login: Login
) -> tuple[float, list[Finding], float]:
    """What this node sees with the login of the driver, between the times of its clock before and after."""
    login.use()
    return time.time(), check_places(lake_urls, tracking_uri, storage, marks), time.time()
