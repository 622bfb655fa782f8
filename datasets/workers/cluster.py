"""Where scenes are worked on: by workers of this machine, of a running Dask cluster, or of Ray.

Workers of a running cluster need the third-party packages of the work (the extra `ingest` or `train`, `s3` for
buckets), and must see files and lake under the same paths as this machine. Our own packages are sent to them.
"""

import traceback
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final, Protocol, TypeVar

from datasets.errors import ClusterError, IceBenchError
from datasets.process.machine import Device

Result = TypeVar("Result")
Task = TypeVar("Task", bound=Hashable)

SCENE_BYTES: Final = 3_000_000_000
"""Least memory of a worker without a limit: a full-size scene, and room for what Python keeps."""

RETRIES: Final = 3
"""How often a scene is tried again after its worker died."""

_RAY: Final = "ray"


class Workers(Protocol):
    """Processes that work side by side, each on one core and one scene at a time."""

    def run(
        self, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result | BaseException]]:
        """Calls one of our functions with each task.

        Args:
            function: Of our packages, or a partial of one.
            tasks: Paths, or small frozen objects of our packages; each once.

        Yields:
            Task and result, as they are ready. What the function raised is yielded, not raised; `WorkerDiedError` for a
            task whose workers died each time it was tried.

        Raises:
            ClusterError: The cluster went away.
        """


def outcome_of(function: Callable[[Task], Result], task: Task) -> Result | Exception:
    """Result of a function in a worker, or what it raised: a worker that sees an error prints its whole traceback."""
    try:
        return function(task)
    except Exception as error:  # noqa: BLE001 - goes on as a value; the command tells it in a sentence
        if not isinstance(error, IceBenchError):
            file, line, *_ = traceback.extract_tb(error.__traceback__)[-1]
            error.add_note(f"at line {line} of {file}")
        return error


def sentence_of(error: BaseException) -> str:
    """Our own errors are sentences already; anything else keeps its type, nothing is hidden."""
    if isinstance(error, IceBenchError):
        return str(error)
    return " ".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())])


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """Which workers work on scenes, and what they need.

    Attributes:
        workers: Processes of the local cluster; each works on one core and holds one scene in memory. None takes as
            many as this machine has cores and memory for.
        memory_limit: Of one worker, e.g. `2GB`. A local one above it is restarted instead of taking the machine down;
            Ray keeps so much of a node's memory free for each scene. None shares the machine's memory out, or asks Ray
            for 3 GB.
        scheduler: None for a local cluster; `tcp://host:8786` for a running Dask scheduler; `ray` for the Ray that
            RAY_ADDRESS names or that runs here, else one that is started for the command; `ray:host:6379` or
            `ray://host:10001` for the Ray at an address.
        device: What a scene asks of Ray: with `gpu` a GPU, with `auto` one where a node has any. Workers of Dask
            compute on what they see.
        modules: Of the user's own, which workers need beside our packages.
    """

    workers: int | None = None
    memory_limit: str | None = None
    scheduler: str | None = None
    device: Device = "cpu"
    modules: tuple[str, ...] = ()

    @property
    def on_ray(self) -> bool:
        """Whether the workers are those of Ray."""
        return self.scheduler == _RAY or (self.scheduler or "").startswith(f"{_RAY}:")

    @property
    def ray_address(self) -> str | None:
        """Address in the form that `ray.init` takes; None leaves it to Ray."""
        scheduler = self.scheduler or ""
        return scheduler if scheduler.startswith(f"{_RAY}://") else scheduler.partition(":")[2] or None

    @property
    def memory_bytes(self) -> int | None:
        """The memory limit as a number."""
        if self.memory_limit is None:
            return None
        from dask.utils import parse_bytes

        return int(parse_bytes(self.memory_limit))

    def check(self) -> None:
        """Raises ClusterError for options that contradict each other, or cannot be used here."""
        if self.scheduler is not None and self.workers is not None:
            raise ClusterError(
                f"--workers {self.workers} is of a cluster that the command starts itself: with --scheduler, leave it "
                "out, all workers of that cluster are used"
            )
        if self.on_ray and find_spec("ray") is None:
            raise ClusterError(
                f"--scheduler {self.scheduler} needs Ray, which is not installed: pip install -e '.[sweep]'"
            )
        if find_spec("distributed") is None:  # Ray's scheduler for Dask needs it too
            raise ClusterError("workers need Dask, which is not installed: pip install -e '.[ingest]'")
        if self.memory_limit is not None:
            if self.scheduler is not None and not self.on_ray:
                raise ClusterError(
                    "--memory-limit is of workers that the command starts itself: with --scheduler, give the limit to "
                    "`dask worker --memory-limit`"
                )
            try:
                size = self.memory_bytes or 0
            except ValueError:
                size = 0
            if size < 100_000_000:
                raise ClusterError(
                    f"--memory-limit {self.memory_limit!r} is not allowed: give a size with its unit, at least 100MB "
                    "(a full-size scene takes about 2GB), e.g. 3GB"
                )


def no_scheduler(address: str) -> ClusterError:
    """Makes the error for an address at which no Dask scheduler answers."""
    return ClusterError(
        f"no Dask scheduler answers at {address!r}: give the address that `dask scheduler` printed, like "
        "tcp://host:8786, or `ray` for Ray"
    )
