"""The one way to join a Ray or to start one, for builds and for studies; the address is looked at before Ray is asked.

Importing this module imports Ray, so only modules that run on Ray import it.
"""

import logging
import os
import secrets
import shlex
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

import grpc  # type: ignore[import-untyped] # comes with Ray's job server and client
import ray
from ray._private.services import canonicalize_bootstrap_address  # no public way tells where `ray.init` would go

from datasets.errors import ClusterError
from datasets.process.checkout import Code, shipped_by_job
from datasets.process.machine import usable_cores
from datasets.process.ports import answers
from datasets.process.ray_folder import folder_for_ray
from datasets.process.ray_trouble import no_ray, trouble
from datasets.process.signals import sigterm_kept
from datasets.process.terminal import err, tell

_OWN: Final = "local"
"""What `ray.init` calls a Ray that it starts."""

_CLIENT: Final = "ray://"

_PATIENCE_S: Final = 10.0
"""Longest wait for the first answer of a head."""


@contextmanager
def ray_session(
    variables: Mapping[str, str], *, given: str | None = None, modules: Iterable[str] = (), advice: str
) -> Iterator[str]:
    """Joins a Ray, or starts one that ends with the context; its workers get this very code.

    A Ray that is started runs on this machine, and finds the code where it is. Nodes of another get a copy of our
    packages and of the user's modules, and nothing that lies beside them.

    Args:
        variables: Environment variables of the workers.
        given: Address as `ray.init` takes it; None takes RAY_ADDRESS, else what runs on this machine.
        modules: Modules of the user's own that workers import.
        advice: What to do where no Ray answers, the second half of a sentence.

    Yields:
        The address, `local` for a Ray that was started.

    Raises:
        ClusterError: No Ray answers at the address, or it cannot be used from here, or none can be started.
    """
    address = find_address(given, advice)
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # keeps CUDA_VISIBLE_DEVICES, without a warning
    session = _started(variables, Code.of(modules)) if address == _OWN else _joined(address, variables, modules)
    with session as options:
        try:
            with sigterm_kept(), warnings.catch_warnings():
                warnings.filterwarnings("ignore", category=FutureWarning, module="ray")
                warnings.filterwarnings("ignore", "Ray Client connection timed out")  # our sentence says it
                try:
                    ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, **options)
                except Exception as error:  # Ray raises plain Exception too, where a process of it does not come up
                    raise trouble(address, error) from error
            yield address
        finally:
            ray.shutdown()


def nodes() -> list[dict[str, float]]:
    """Resources of every living node, `{"CPU": 8.0, "GPU": 1.0}`."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def grows() -> bool:
    """Whether nodes are added on demand; the operator of the cluster says so, since Ray does not."""
    return os.environ.get("ICEBENCH_CLUSTER_GROWS", "") not in ("", "0")


@contextmanager
def _started(variables: Mapping[str, str], code: Code) -> Iterator[dict[str, Any]]:
    """Options of `ray.init` for a Ray on this machine: the code stays where it is, the token stays in this process."""
    folder, said = folder_for_ray()
    if said:
        tell(said, err)
    path = os.pathsep.join([*code.search_path, *filter(None, [os.environ.get("PYTHONPATH")])])
    os.environ.setdefault("RAY_prestart_worker_first_driver", "0")  # started before they can have our variables
    options = {
        "num_cpus": usable_cores(),  # Ray itself counts those that this process may not use
        "include_dashboard": False,  # its address is told to nobody, and it costs seconds of a core
        # Ray hands its workers' Python to a shell as it is, which ends its path at a space.
        "runtime_env": {"env_vars": {**variables, "PYTHONPATH": path}, "py_executable": shlex.quote(sys.executable)},
        "_temp_dir": str(folder),
    }
    with _token_of_its_own():
        yield options


@contextmanager
def _joined(address: str, variables: Mapping[str, str], modules: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Options of `ray.init` for a Ray that is there: its nodes get the code, unless a job has brought it."""
    if not address.startswith(_CLIENT):
        _check_ray(address)
    environment: dict[str, Any] = {"env_vars": dict(variables)}
    brought = shipped_by_job()  # Ray refuses two working folders
    with nullcontext("") if brought else tempfile.TemporaryDirectory(prefix="icebench-code-") as folder:
        if not brought:
            code = Code.of(modules)
            code.copy_to(Path(folder))
            environment["working_dir"] = folder
            tell(f"goes to the nodes of the Ray at {address}: {code}", err)
        yield {"runtime_env": environment}


def _check_ray(address: str) -> None:
    """Raises ClusterError where what listens does not speak as a head does; Ray itself would wait for minutes."""
    if os.environ.get("RAY_USE_TLS", "0") not in ("", "0"):
        return
    with grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)]) as channel:  # as Ray's own
        try:
            grpc.channel_ready_future(channel).result(timeout=_PATIENCE_S)
        except grpc.FutureTimeoutError as error:
            raise no_ray(address) from error


@contextmanager
def _token_of_its_own() -> Iterator[None]:
    """A Ray of this process alone has a token that is written nowhere.

    Ray would write one into the home folder, which may not be writable; and from then on every `ray start` there would
    ask for it, and `ray job submit` would not know it.
    """
    if any(os.environ.get(name) for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")) or _at_home():
        yield
        return
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    try:
        yield
    finally:
        del os.environ["RAY_AUTH_TOKEN"]


def _at_home() -> bool:
    try:
        return Path.home().joinpath(".ray", "auth_token").exists()
    except (OSError, RuntimeError):  # a home that cannot be looked into, or none, as of a container's user
        return False


def find_address(given: str | None, advice: str) -> str:
    """Address to join, or `local` for a Ray to start; see `ray_session`.

    Raises:
        ClusterError: No Ray answers there.
    """
    asked = given or os.environ.get("RAY_ADDRESS") or None
    address = asked
    if asked in (None, "auto"):
        # Ray keeps a note of the cluster that was started here last. A killed one leaves it, and Ray would wait for
        # that cluster for ten minutes.
        try:
            address = canonicalize_bootstrap_address(asked)  # type: ignore[arg-type]  # None is allowed there
        except ConnectionError as error:  # nothing runs here
            raise _nothing(asked, advice) from error
    if address is None or address == _OWN:
        return _OWN
    if answers(address.removeprefix("ray://")):
        return address
    if asked is None:
        return _OWN
    raise _nothing(address, advice)


def _nothing(address: str | None, advice: str) -> ClusterError:
    return ClusterError(f"no Ray answers at {address!r}: {advice}")
