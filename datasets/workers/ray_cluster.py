"""Scenes on Ray, through the scheduler of Dask that Ray brings (`ray.util.dask`): one graph, one task per scene.

The tasks do not depend on each other, so the scheduler hands all of them to Ray at once and gives their references
back; Ray places them by core and memory, on any node, and tries those again whose process or node died.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from functools import partial
from typing import Final

import ray
from ray.exceptions import NodeDiedError, OutOfMemoryError, RayTaskError, WorkerCrashedError
from ray.util.dask import ray_dask_get

from datasets.errors import ClusterError, WorkerDiedError
from datasets.process.ports import answers
from datasets.process.ray_session import find_address, ray_session
from datasets.process.threads import limit_threads
from datasets.workers.cluster import RETRIES, SCENE_BYTES, ClusterOptions, Result, Task, outcome_of

logger = logging.getLogger(__name__)

_ADVICE: Final = (
    "give the address of a head that runs, `ray:host:6379`, or of its client server, `ray://host:10001`; plain `ray` "
    "takes what RAY_ADDRESS names or what runs here, else starts one"
)

_GLANCE: Final = 2.0
"""Seconds between two looks at the head of the cluster."""

_PATIENCE: Final = 30.0
"""Seconds that a head may be away. After 60 s Ray ends the process, and the lake's lock would stay behind."""


def check_ray(options: ClusterOptions) -> None:
    """Raises ClusterError if no Ray answers where the options look for one."""
    find_address(options.ray_address, _ADVICE)


@contextmanager
def ray_workers(options: ClusterOptions) -> Iterator["RayWorkers"]:
    """Workers of the Ray that the options name; one that is started for it ends with it.

    Raises:
        ClusterError: No Ray answers at the address, or it cannot be used from here.
    """
    # Ray would repeat for ever a scene that does not fit into its node's memory; here the driver decides.
    retries = {"RAY_task_oom_retries": str(RETRIES)}
    for name, value in retries.items():
        os.environ.setdefault(name, value)
    with ray_session(retries, given=options.ray_address, advice=_ADVICE) as address:
        yield RayWorkers(_memory(options.memory_bytes), None if address.startswith("ray://") else _Head())


class RayWorkers:
    """Workers of a Ray that this process has joined; see `datasets.workers.cluster.Workers`."""

    def __init__(self, memory: int, head: "_Head | None") -> None:
        """Args: bytes that a task reserves of its node; the head to look after, None where Ray's client does."""
        self._memory = memory
        self._head = head

    def run(
        self, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result | BaseException]]:
        """See `datasets.workers.cluster.Workers.run`."""
        work = partial(_on_one_core, function)
        graph = {f"convert:{number}": (work, task) for number, task in enumerate(tasks)}
        try:
            references = ray_dask_get(
                graph,
                list(graph),
                ray_persist=True,  # references, not results: results are fetched as they become ready
                ray_remote_args={"num_cpus": 1, "memory": self._memory, "max_retries": RETRIES},
            )
            # Futures, because Ray's own wait turns everything that a signal raises into a KeyboardInterrupt.
            waiting = {each.future(): task for each, task in zip(references, tasks, strict=True)}
            while waiting:
                for future in wait(waiting, timeout=_GLANCE, return_when=FIRST_COMPLETED).done:
                    yield waiting.pop(future), _outcome(future)
                if self._head is not None:
                    self._head.look()
        except ConnectionError as error:  # only Ray's client raises this, not our code
            if isinstance(error, ClusterError):
                raise
            raise _lost() from error


class _Head:
    """The head of the cluster, looked at from outside: Ray's own calls block while it is away."""

    def __init__(self) -> None:
        self._address = ray.get_runtime_context().gcs_address
        self._looked = self._seen = time.monotonic()

    def look(self) -> None:
        """Raises ClusterError once the head has been away too long."""
        now = time.monotonic()
        if now - self._looked < _GLANCE:
            return
        self._looked = now
        if answers(self._address):
            self._seen = now
        elif now - self._seen > _PATIENCE:
            raise _lost()


def _on_one_core(function: Callable[[Task], Result], task: Task) -> Result | Exception:
    limit_threads(1)
    return outcome_of(function, task)


def _outcome(future: Future[Result]) -> Result | BaseException:
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, WorkerCrashedError | OutOfMemoryError | NodeDiedError):
        return WorkerDiedError.after(RETRIES + 1)
    cause: BaseException = error.cause if isinstance(error, RayTaskError) else error
    return cause


def _memory(asked: int | None) -> int:
    """Bytes that a scene reserves: the given limit, else what a full-size scene takes if any node has that."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    rooms = [int(node.get("memory", 0)) for node in nodes if node.get("CPU", 0) >= 1]
    if not rooms:
        logger.warning("no node of the Ray cluster has a CPU to give: the build waits until one joins")
        return asked or SCENE_BYTES
    if asked is not None and asked > max(rooms):
        raise ClusterError(
            f"--memory-limit {asked / 1e9:.1f}GB is more than any node of the Ray cluster has to give (at most "
            f"{max(rooms) / 1e9:.1f}GB): ask for less, or start a larger node"
        )
    return asked or min(SCENE_BYTES, max(rooms))


def _lost() -> ClusterError:
    return ClusterError(
        "the Ray cluster went away in the middle of the build: start it again and repeat the command, scenes that are "
        "finished are kept"
    )
