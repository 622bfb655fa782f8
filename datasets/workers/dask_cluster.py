"""Scenes on Dask: a local cluster, or a running one that is given our code."""

import hashlib
import io
import pickle
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from dask.distributed import CancelledError, Client, Future, KilledWorker, LocalCluster, as_completed, get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from datasets.errors import ClusterError, WorkerDiedError
from datasets.process.checkout import Code
from datasets.process.freed_memory import keep_freed_memory
from datasets.process.machine import open_files, usable_cores, usable_memory
from datasets.process.threads import limit_threads
from datasets.workers.cluster import SCENE_BYTES, ClusterOptions, Result, Task, no_scheduler, outcome_of

_CODE: Final = "icebench-code"
_FILES_OF_WORKER: Final = 32
"""Files and connections that this process has open for each worker of a local cluster."""


@contextmanager
def dask_workers(options: ClusterOptions, tasks: int, *, ahead: bool = False) -> Iterator["DaskWorkers"]:
    """Workers of the scheduler that the options name; without one, of a local cluster with no more workers than tasks.

    Args:
        options: Which workers.
        tasks: How many tasks there are.
        ahead: Lets a worker of a local cluster have two tasks at once, which share its one core.

    Raises:
        ClusterError: The scheduler does not answer.
    """
    if options.scheduler is None:
        count = max(1, min(options.workers or _fitting_workers(options.memory_bytes), tasks))
        with (
            LocalCluster(
                n_workers=count,
                threads_per_worker=2 if ahead else 1,
                memory_limit=options.memory_limit or usable_memory() // count,  # Dask's own share is by core
                dashboard_address="127.0.0.1:0",  # any free port, so that two builds can run on this machine
            ) as cluster,
            Client(cluster) as client,
        ):
            yield DaskWorkers(client, cores=1)
        return
    try:
        client = Client(options.scheduler, timeout=10)
    except (OSError, ValueError) as error:
        raise no_scheduler(options.scheduler) from error
    with client:
        _ship(Code.of(options.modules), client)
        yield DaskWorkers(client)


class DaskWorkers:
    """Workers behind a client of dask.distributed; see `datasets.workers.cluster.Workers`.

    Attributes:
        client: The client.
        cores: Of a worker; None for as many as it has threads.
    """

    def __init__(self, client: Client, cores: int | None = None) -> None:
        self.client = client
        self.cores = cores

    def run(
        self, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result | BaseException]]:
        """See `datasets.workers.cluster.Workers.run`."""
        suspects: list[Task] = []
        for task, outcome in self._once(function, tasks):
            if isinstance(outcome, WorkerDiedError):
                suspects.append(task)
            else:
                yield task, outcome
        # Dask blames every scene that waited on a dying worker, so each is tried once more, alone on a worker.
        for suspect in suspects:
            yield from self._once(function, [suspect])

    def _once(
        self, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[tuple[Task, Result | BaseException]]:
        futures = {submit(self.client, outcome_of, function, task, cores=self.cores): task for task in tasks}
        for future in as_completed(futures):
            if future.status in ("cancelled", "lost"):
                raise self._lost()
            try:
                error = future.exception()
                outcome = future.result() if error is None else error
            except (CancelledError, OSError) as lost:  # the connection breaks with an OSError
                raise self._lost() from lost
            if isinstance(outcome, KilledWorker):
                outcome = WorkerDiedError.after(outcome.allowed_failures + 1)
            yield futures[future], outcome

    def _lost(self) -> ClusterError:
        address = self.client.scheduler.address if self.client.scheduler else ""
        return ClusterError(
            f"the Dask scheduler {address} went away in the middle of the work: start it again and repeat the "
            "command, scenes that are finished are kept"
        )


def submit(
    client: Client, function: Callable[..., Result], *arguments: object, cores: int | None = None
) -> "Future[Result]":
    """Lets a worker call one of our functions, on so many cores, or on one for each thread that it has.

    Function and arguments are sent pickled, since the scheduler unpacks the tasks that it forwards and does not have
    our code; `call` is sent by value, since it is defined here.
    """
    content = pickle.dumps((_on_its_share, (cores, function, *arguments)))

    def call(content: bytes) -> Any:  # noqa: ANN401 - the result of any function
        import pickle

        found, given = pickle.loads(content)
        return found(*given)

    future: Future[Result] = client.submit(call, content, pure=False)
    return future


def _fitting_workers(memory: int | None) -> int:
    room = usable_memory() // (memory or SCENE_BYTES)
    return max(1, min(usable_cores(), room, open_files() // _FILES_OF_WORKER))


def _on_its_share(cores: int | None, function: Callable[..., Result], *arguments: object) -> Result:
    """Limits the threads of encoding, which would use all cores and only slow down the other workers."""
    keep_freed_memory()
    limit_threads(cores or get_worker().state.nthreads)
    return function(*arguments)


def _ship(code: Code, client: Client) -> None:
    """Gives code to the workers of now and to those that join later."""
    archive = packed(code)
    digest = hashlib.sha256(archive).hexdigest()[:12]
    packages = {place.parts[0].removesuffix(".py") for place in code.files}

    class Shipped(WorkerPlugin):
        """Defined here, so that it is sent by value: a class of a module would need the module there."""

        name = _CODE

        def setup(self, worker: Any) -> None:  # noqa: ANN401 - a distributed.Worker
            import importlib
            import io
            import sys
            import zipfile
            from pathlib import Path

            folder = Path(worker.local_directory) / f"{_CODE}-{digest}"
            with zipfile.ZipFile(io.BytesIO(archive)) as content:
                content.extractall(folder)
            loaded = sys.modules.get("datasets")
            if loaded is not None and Path(loaded.__file__ or "").parent == folder / "datasets":
                return
            # An earlier command may have left another version of our code in this process.
            for name in [each for each in sys.modules if each.partition(".")[0] in packages]:
                del sys.modules[name]
            sys.path[:] = [str(folder), *(each for each in sys.path if f"/{_CODE}-" not in each)]
            importlib.invalidate_caches()

    client.register_plugin(Shipped(), name=_CODE)


def packed(code: Code) -> bytes:
    """The files as a zip; the same bytes for the same code."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for place, file in sorted(code.files.items()):
            archive.writestr(zipfile.ZipInfo(place.as_posix()), file.read_bytes())
    return buffer.getvalue()
