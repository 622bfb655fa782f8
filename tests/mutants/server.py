"""Runs pytest again and again without the seconds that imports take: a process that has the libraries, and forks.

Nothing of the project is imported here, so every fork sees the files as they are when it starts. It reads one JSON line
per run from stdin, `{"arguments": [...], "seconds": 120}`, and answers one line `{"code": 1, "seconds": 3.2}`.
"""

import contextlib
import importlib
import json
import os
import select
import signal
import sys
import time
import traceback

import pytest

LIBRARIES = (
    "fsspec.implementations.local", "hypothesis", "jinja2", "matplotlib.figure", "matplotlib.backends.backend_agg",
    "netCDF4", "numcodecs", "pandas", "pyarrow.parquet", "pydantic", "pytest_timeout", "rich.table",
    "scipy.ndimage", "torch", "torch.utils.data", "torch.optim.lr_scheduler", "typer.testing", "xarray", "yaml", "zarr",
)  # fmt: skip
TIMED_OUT, BROKEN = -1, 70


def main() -> None:
    """Serves until stdin ends."""
    for name in LIBRARIES:
        importlib.import_module(name)
    answer("ready", 0.0)
    for line in sys.stdin:
        asked = json.loads(line)
        started = time.monotonic()
        answer(run(asked["arguments"], asked["seconds"], asked["log"]), time.monotonic() - started)


def answer(code: object, seconds: float) -> None:
    """Writes one line for the parent."""
    sys.stdout.write(json.dumps({"code": code, "seconds": seconds}) + "\n")
    sys.stdout.flush()


def run(arguments: list[str], seconds: float, log: str) -> int:
    """pytest's exit code in a fork, with its output in a file; `TIMED_OUT` where it took too long."""
    child = os.fork()
    if child == 0:
        os.setsid()  # what the tests start ends with them
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for descriptor, target in ((nothing, 0), (out, 1), (out, 2)):
            os.dup2(descriptor, target)
        code = BROKEN
        try:
            code = int(pytest.main(arguments))
        except BaseException:  # noqa: BLE001 (the parent reads what went wrong in the log)
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    handle = os.pidfd_open(child)
    ended = bool(select.select([handle], [], [], seconds)[0])
    os.close(handle)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    return os.waitstatus_to_exitcode(status) if ended else TIMED_OUT


if __name__ == "__main__":
    main()
