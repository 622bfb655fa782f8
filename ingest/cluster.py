"""Where scenes are converted: a Dask cluster of this machine, or a running one that is given our code.

Workers of a running cluster need the third-party packages of the extra `ingest` (and `s3` for buckets), and must see
the raw files and the lake under the paths that they are called by here. Our own packages travel with the build.
"""

import hashlib
import io
import pickle
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import dask.utils
from dask.distributed import Client, Future, LocalCluster, get_worker
from dask.system import CPU_COUNT
from distributed.diagnostics.plugin import WorkerPlugin
from distributed.system import MEMORY_LIMIT

from datasets.threads import limit_threads
from ingest.errors import ClusterError

Result = TypeVar("Result")

_ROOT: Final = Path(__file__).parents[1]
_PACKAGES: Final = ("datasets", "ingest")
_CODE: Final = "icebench-code"

_SCENE_BYTES: Final = 3_000_000_000
"""What a worker is given at least where nothing is said: a full-size scene and room for what Python keeps."""


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """Which workers convert scenes.

    Attributes:
        workers: Processes of the local cluster; each works on one core and holds one scene in memory. None takes as
            many as this machine has cores and memory for.
        memory_limit: Of one local worker, e.g. `2GB`: a worker above it is restarted instead of taking the machine
            down. None shares the machine's memory out.
        scheduler: Address of a running scheduler, `tcp://host:8786`; None for a local cluster.
    """

    workers: int | None = None
    memory_limit: str | None = None
    scheduler: str | None = None

    def check(self) -> None:
        """Raises ClusterError for what contradicts itself."""
        if self.scheduler is not None and self.workers is not None:
            raise ClusterError(
                f"--workers {self.workers} is of a cluster that a build starts itself: with --scheduler, leave it out, "
                "all workers of that cluster are used"
            )
        if self.memory_limit is not None:
            if self.scheduler is not None:
                raise ClusterError(
                    "--memory-limit is of the workers that a build starts itself: with --scheduler, give the limit to "
                    "`dask worker --memory-limit`"
                )
            try:
                size = dask.utils.parse_bytes(self.memory_limit)
            except ValueError:
                size = 0
            if size < 100_000_000:
                raise ClusterError(
                    f"--memory-limit {self.memory_limit!r} is not allowed: give a size with its unit, at least 100MB "
                    "(a full-size scene takes about 2GB), e.g. 3GB"
                )


@contextmanager
def open_cluster(options: ClusterOptions, tasks: int) -> Iterator[Client]:
    """A client of the cluster; a local one is started for it, with no more workers than tasks.

    Raises:
        ClusterError: The scheduler does not answer.
    """
    options.check()
    if options.scheduler is None:
        with (
            LocalCluster(
                n_workers=max(1, min(options.workers or _fitting_workers(options.memory_limit), tasks)),
                threads_per_worker=1,
                memory_limit=options.memory_limit or "auto",
                dashboard_address="127.0.0.1:0",  # any free port: a second build on this machine is not in the way
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(options.scheduler, timeout=10)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {options.scheduler!r}: give the address that `dask scheduler` printed, like "
            "tcp://host:8786"
        ) from error
    with client:
        _ship_code(client)
        yield client


def submit(client: Client, function: Callable[..., Result], *arguments: object) -> "Future[Result]":
    """Lets a worker call one of our functions, on one core for each thread that it has.

    Function and arguments travel packed, since a scheduler unpacks the tasks that it hands on and does not have our
    code; `call` travels by value, being defined here.
    """
    packed = pickle.dumps((_on_its_share, (function, *arguments)))

    def call(content: bytes) -> Any:  # noqa: ANN401 - whatever the function returns
        import pickle

        found, given = pickle.loads(content)
        return found(*given)

    future: Future[Result] = client.submit(call, packed, pure=False)
    return future


def _fitting_workers(memory_limit: str | None) -> int:
    memory = dask.utils.parse_bytes(memory_limit) if memory_limit else _SCENE_BYTES
    return max(1, min(CPU_COUNT, MEMORY_LIMIT // memory))


def _on_its_share(function: Callable[..., Result], *arguments: object) -> Result:
    """Encoding takes all cores of a machine unless it is told; beside other workers that only costs switching."""
    limit_threads(get_worker().state.nthreads)
    return function(*arguments)


def _ship_code(client: Client) -> None:
    """Gives our packages to the workers of now and to those that join later."""
    archive = pack_code()
    digest = hashlib.sha256(archive).hexdigest()[:12]

    class Code(WorkerPlugin):
        """Defined here, so that it travels by value: a class of a module would need the module there."""

        name = _CODE

        def setup(self, worker: Any) -> None:  # noqa: ANN401 - a distributed.Worker
            import importlib
            import io
            import sys
            import zipfile
            from pathlib import Path

            folder = Path(worker.local_directory) / f"{_CODE}-{digest}"
            with zipfile.ZipFile(io.BytesIO(archive)) as packed:
                packed.extractall(folder)
            loaded = sys.modules.get("ingest")
            if loaded is not None and Path(loaded.__file__ or "").parent == folder / "ingest":
                return
            # An earlier build may have left another version of our code in this process.
            for name in [each for each in sys.modules if each.partition(".")[0] in _PACKAGES]:
                del sys.modules[name]
            sys.path[:] = [str(folder), *(each for each in sys.path if f"/{_CODE}-" not in each)]
            importlib.invalidate_caches()

    client.register_plugin(Code(), name=_CODE)


def pack_code() -> bytes:
    """Our packages as a zip; the same bytes for the same code."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for package in _PACKAGES:
            for path in sorted((_ROOT / package).rglob("*.py")):
                packed.writestr(zipfile.ZipInfo(path.relative_to(_ROOT).as_posix()), path.read_bytes())
    return buffer.getvalue()
