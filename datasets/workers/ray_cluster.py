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
from typing import Final, TypedDict

import ray
from ray.exceptions import NodeDiedError, OutOfMemoryError, RayTaskError, WorkerCrashedError
from ray.util.dask import ray_dask_get

from datasets.errors import ClusterError, WorkerDiedError
from datasets.process.ports import answers
from datasets.process.ray_session import find_address, grows, nodes, ray_session
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
    session = ray_session(retries, given=options.ray_address, modules=options.modules, advice=_ADVICE)
    with session as address:
        yield RayWorkers(_needs(options), None if address.startswith("ray://") else _Head())


class RayWorkers:
    """Workers of a Ray that this process has joined; see `datasets.workers.cluster.Workers`."""

    def __init__(self, needs: "_Needs", head: "_Head | None") -> None:
        """Args: what a task reserves of its node; the head to look after, None where Ray's client does."""
        self._needs = needs
        self._head = head

    def run(
        self, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result | BaseException]]:
        """See `datasets.workers.cluster.Workers.run`."""
        work = partial(_on_its_share, self._needs["num_cpus"], function)
        graph = {f"scene:{number}": (work, task) for number, task in enumerate(tasks)}
        try:
            references = ray_dask_get(
                graph,
                list(graph),
                ray_persist=True,  # references, not results: results are fetched as they become ready
                ray_remote_args={**self._needs, "max_retries": RETRIES},
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


def _on_its_share(cores: int, function: Callable[[Task], Result], task: Task) -> Result | Exception:
    limit_threads(cores)
    return outcome_of(function, task)


def _outcome(future: Future[Result]) -> Result | BaseException:
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, WorkerCrashedError | OutOfMemoryError | NodeDiedError):
        return WorkerDiedError.after(RETRIES + 1)
    cause: BaseException = error.cause if isinstance(error, RayTaskError) else error
    return cause


class _Needs(TypedDict):
    """What a scene reserves of its node: cores, GPUs, and bytes of memory."""

    num_cpus: int
    num_gpus: int
    memory: int


def _needs(options: ClusterOptions) -> _Needs:
    """A core, and the given memory, else what a full-size scene takes if any node has that.

    With a GPU it takes the cores that its node has for each of its GPUs: they read and encode for it.
    """
    with_cores = [node for node in nodes() if node.get("CPU", 0) >= 1]
    with_gpus = [node for node in with_cores if node.get("GPU", 0) >= 1] if options.device != "cpu" else []
    if options.device == "gpu" and not with_gpus and not grows():
        raise ClusterError(
            "no node of the Ray cluster has a GPU, which --device gpu asks for: start one, leave --device out, or set "
            "ICEBENCH_CLUSTER_GROWS=1 if the cluster starts them by itself"
        )
    able = with_gpus or with_cores
    if not able:
        logger.warning("no node of the Ray cluster has a CPU to give: the command waits until one joins")
    rooms = [int(node.get("memory", 0)) for node in able]
    asked = options.memory_bytes
    if asked is not None and asked > max(rooms, default=asked):
        raise ClusterError(
            f"--memory-limit {asked / 1e9:.1f}GB is more than any node of the Ray cluster has to give (at most "
            f"{max(rooms) / 1e9:.1f}GB): ask for less, or start a larger node"
        )
    cores = [int(node["CPU"] // node["GPU"]) for node in with_gpus]
    return {
        "num_cpus": max(1, min(cores, default=1)),
        "num_gpus": 1 if with_gpus or options.device == "gpu" else 0,
        "memory": asked or min(SCENE_BYTES, max(rooms, default=SCENE_BYTES)),
    }


def _lost() -> ClusterError:
    return ClusterError(
        "the Ray cluster went away in the middle of the work: start it again and repeat the command, scenes that are "
        "finished are kept"
    )
