"""`python -m ingest build`, killed at an exact moment. Run as a script; Dask's workers import it too.

INTERRUPT_AT   end of a key: the process that is about to write it (or has just, with `after:`) dies
INTERRUPT_WHO  `build` kills the build itself and so its workers; `worker` only the process that writes
INTERRUPT_LOG  a file that gets one byte per kill
INTERRUPT_MAX  how often at most
"""

import os
import signal
from collections.abc import Iterable
from pathlib import Path

import datasets.lake
import datasets.stores.scene_writer

_replace = datasets.stores.scene_writer.replace
os.environ.setdefault("INTERRUPT_DRIVER", str(os.getpid()))


def replace(url: str, content: bytes | Iterable[bytes | memoryview]) -> int:
    when, _, key = os.environ["INTERRUPT_AT"].rpartition(":")
    log = Path(os.environ["INTERRUPT_LOG"])
    due = url.endswith(key) and (not log.exists() or log.stat().st_size < int(os.environ["INTERRUPT_MAX"]))
    size = _replace(url, content) if not due or when == "after" else 0
    if due:
        with log.open("ab") as file:
            file.write(b"x")
        if os.environ["INTERRUPT_WHO"] == "build":
            os.kill(int(os.environ["INTERRUPT_DRIVER"]), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
    return size


for module in (datasets.stores.scene_writer, datasets.lake):
    vars(module)["replace"] = replace

if __name__ == "__main__":
    from ingest.__main__ import app

    app()
