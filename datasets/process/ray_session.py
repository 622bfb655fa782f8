"""The one way to join a Ray or to start one, for builds and for studies; the address is looked at before Ray is asked.

Importing this module imports Ray, so only modules that run on Ray import it.
"""

import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import ray
from ray._private.services import canonicalize_bootstrap_address  # no public way tells where `ray.init` would go

from datasets.errors import ClusterError
from datasets.process.checkout import worker_environment
from datasets.process.machine import usable_cores
from datasets.process.ports import answers
from datasets.process.signals import sigterm_kept

_OWN: Final = "local"
"""What `ray.init` calls a Ray that it starts."""


@contextmanager
def ray_session(variables: Mapping[str, str], *, given: str | None = None, advice: str) -> Iterator[str]:
    """Joins a Ray, or starts one that ends with the context; its workers get this very code.

    Args:
        variables: Environment variables of the workers.
        given: Address as `ray.init` takes it; None takes RAY_ADDRESS, else what runs on this machine.
        advice: What to do where no Ray answers, the second half of a sentence.

    Yields:
        The address, `local` for a Ray that was started.

    Raises:
        ClusterError: No Ray answers at the address, or it cannot be used from here.
    """
    address = find_address(given, advice)
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # keeps CUDA_VISIBLE_DEVICES, without a warning
    environment = worker_environment(variables)
    try:
        with sigterm_kept(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=FutureWarning, module="ray")
            cores = usable_cores() if address == _OWN else None  # Ray itself counts those that this process may not use
            try:
                ray.init(
                    address=address,
                    num_cpus=cores,
                    runtime_env=environment,
                    logging_level=logging.ERROR,
                    log_to_driver=False,
                )
            except (OSError, RuntimeError, ValueError) as error:
                raise _unusable(address, error) from error
        yield address
    finally:
        ray.shutdown()


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
        except ConnectionError:  # nothing runs here; `ray.init` raises the same
            return str(asked)
    if address is None or address == _OWN:
        return _OWN
    if answers(address.removeprefix("ray://")):
        return address
    if asked is None:
        return _OWN
    raise ClusterError(f"no Ray answers at {address!r}: {advice}")


def _unusable(address: str, error: Exception) -> ClusterError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = lines[-1] if "Traceback" in str(error) else " ".join(lines)  # a client repeats what its server logged
    if "ersion mismatch" in reason:
        return ClusterError(f"the Ray at {address!r} runs other versions than this one ({reason}): use the same")
    return ClusterError(
        f"the Ray at {address!r} cannot be used ({reason}): it must have this Python, this version of Ray and the same "
        "RAY_AUTH_MODE; if it has, repeat the command"
    )
