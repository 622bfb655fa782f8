"""What grows with the number of trials and of nodes: a thousand trials that do nothing, and trials that sleep.

What is left of the wall time of a trial that sleeps is the launcher's.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import psutil
from ray.cluster_utils import Cluster

from datasets.process.ray_session import nodes
from sweeps.launch.cluster import cluster
from sweeps.launch.order import Order
from sweeps.launch.placement import Placement, slots_for
from sweeps.launch.trials import Event, run_trials
from tests.benchmarks.full_scene import Row
from tests.benchmarks.ray_environment import ray_environment
from training.spec import TrialSpec

MANY: Final = 1000
SLEEPERS: Final = 16
SLEEP_S: Final = 3.0
MEMORY_REACH, NODES_REACH = 2.0, 3.6


def measure() -> list[Row]:
    """About five minutes."""
    with tempfile.TemporaryDirectory(prefix="icebench-bench-") as name, ray_environment(Path(name)):
        return [_many(Path(name)), _nodes(Path(name))]


def _many(folder: Path) -> Row:
    """A thousand trials that do nothing: what the driver holds."""
    placement = Placement(cpus=1, gpus=0, max_concurrent=None, storage=str(folder))
    before = psutil.Process().memory_info().rss
    peak = [before]

    def watch(event: Event) -> None:
        peak[0] = max(peak[0], psutil.Process().memory_info().rss)

    started = time.perf_counter()
    with cluster():
        outcomes = run_trials(_orders(MANY, folder), placement, slots_for(nodes(), placement), watch, work=_nothing)
    seconds = time.perf_counter() - started
    assert all(outcome.error is None for outcome in outcomes)
    assert len(outcomes) == MANY
    return Row(
        what=f"{MANY} trials that do nothing, 2 CPUs",
        measured=f"{peak[0] / 2**30:.2f} GB",
        floor=f"{before / 2**30:.2f} GB",
        ratio=f"{peak[0] / before:.1f}",
        reach=f"< {MEMORY_REACH:g} GB",
        reached=peak[0] / 2**30 < MEMORY_REACH,
        note=f"launch_seconds {seconds / MANY:.3f}, driver_memory {(peak[0] - before) / MANY:.0f} B, each for a trial; "
        "floor: this process before. MLflow is asked four times per study",
    )


def _nodes(folder: Path) -> Row:
    """Trials that sleep on fake GPUs: four nodes against one."""
    seconds = {count: _on_nodes(count, folder) for count in (1, 4)}
    speedup = seconds[1] / seconds[4]
    return Row(
        what="4 nodes with a GPU each against 1, trials that sleep",
        measured=f"{speedup:.2f} x",
        floor="4 x",
        ratio=f"{speedup / 4:.2f}",
        reach=f">= {NODES_REACH:g} x",
        reached=speedup >= NODES_REACH,
        note=f"{SLEEPERS} trials of {SLEEP_S:g} s: {seconds[1]:.0f} and {seconds[4]:.0f} s after the first of a node",
    )


def _on_nodes(count: int, folder: Path) -> float:
    """Seconds from the end of the first round of trials, when every node has a warm process, to the end of all."""
    fake = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(count):
        fake.add_node(num_cpus=1, num_gpus=1)
    ends: list[float] = []
    placement = Placement(cpus=1, gpus=1, max_concurrent=None, storage=str(folder))
    os.environ["RAY_ADDRESS"] = fake.address
    try:
        with cluster():
            orders = _orders(SLEEPERS + count, folder)
            slots = slots_for(nodes(), placement)
            run_trials(orders, placement, slots, lambda event: ends.append(time.perf_counter()), work=_sleep)
    finally:
        os.environ["RAY_ADDRESS"] = "local"
        fake.shutdown()
    return ends[-1] - ends[count - 1]


def _nothing(config: dict[str, Any]) -> None:
    """A trial."""


def _sleep(config: dict[str, Any]) -> None:
    time.sleep(SLEEP_S)


def _orders(count: int, folder: Path) -> list[Order]:
    return [
        Order(
            spec=TrialSpec().with_("seed", seed),
            labels={"seed": str(seed)},
            lake="",
            tracking_uri="",
            study="",
            parent_run="",
            storage=str(folder),
        )
        for seed in range(count)
    ]
