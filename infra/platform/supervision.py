"""supervisord: its configuration, its start, and the wait until the servers that it keeps are healthy."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from datasets.process.checkout import ROOT
from infra.platform.health import healthy
from infra.platform.state import MARK, Platform, PlatformError, write_private

SERVICES: Final = ("s3", "mlflow", "ray")
"""In the order of their start; they are ended in the other order."""
_PATIENCE_S: Final = 180.0
"""Longest wait until all are healthy; seconds on an idle machine."""
STOP_S: Final = 40
"""Time that supervisord gives a server to end, before it kills the server's whole process group."""

# Paths are relative to the folder of the platform, or come in by variables: they may hold any character.
_HEAD: Final = """\
[supervisord]
logfile=logs/supervisord.log
logfile_maxbytes=1MB
pidfile=supervisord.pid
childlogdir=logs
umask=077
"""
_PROGRAM: Final = """
[program:{name}]
command="%(ENV_ICEBENCH_PYTHON)s" -m infra.platform serve {name}
priority={priority}
autorestart=true
startsecs=3
startretries=3
stopwaitsecs={stop}
stopasgroup={as_group}
killasgroup=true
redirect_stderr=true
stdout_logfile=logs/{name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=2
"""


def start(platform: Platform) -> None:
    """Starts supervisord, which goes to the background.

    Raises:
        PlatformError: It does not start.
    """
    programs = [
        # `ray start` ends its own processes one after the other; killed with it, the last of them could not report.
        _PROGRAM.format(name=name, priority=order, stop=STOP_S, as_group=str(name != "ray").lower())
        for order, name in enumerate(SERVICES)
    ]
    write_private(platform.folder / "supervisord.conf", _HEAD + "".join(programs))
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, MARK: str(platform.folder), "ICEBENCH_PYTHON": sys.executable, "PYTHONPATH": path}
    with (platform.logs / "start.log").open("w") as log:  # it may list the whole environment in an error
        done = subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "-c", "supervisord.conf"],
            cwd=platform.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            timeout=60,
        )
    if done.returncode:
        raise PlatformError(f"supervisord did not start: its words are in {str(platform.logs / 'start.log')!r}")


def wait_healthy(platform: Platform, say: Callable[[str], None]) -> None:
    """Waits until all three answer.

    Raises:
        PlatformError: One of them does not, or was given up by supervisord; the message names its log.
    """
    log = platform.logs / "supervisord.log"
    seen = log.read_text() if log.exists() else ""
    started = seen.rfind("supervisord started with pid")  # earlier lines are of earlier starts
    deadline = time.monotonic() + _PATIENCE_S
    for name in SERVICES:
        while not healthy(platform, name):
            lost = f"gave up: {name} " in (log.read_text()[max(started, 0) :] if log.exists() else "")
            if lost or time.monotonic() > deadline:
                how = "ended again and again" if lost else f"did not answer within {_PATIENCE_S:.0f} s"
                words = platform.logs / f"{name}.log"
                raise PlatformError(f"{name} {how}; its log {str(words)!r} ends with: {_last_line(words)}")
            time.sleep(0.3)
        say(f"{name} is healthy")


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    return next((line[-300:] for line in reversed(lines) if line.strip()), "nothing")


def keep_ray_logs(platform: Platform) -> None:
    """Moves Ray's own logs to the others, and removes its temporary folder."""
    session = Path(platform.ray_folder) / "session_latest" / "logs"
    if session.is_dir():
        shutil.rmtree(platform.logs / "ray", ignore_errors=True)
        shutil.move(session, platform.logs / "ray")
    shutil.rmtree(platform.ray_folder, ignore_errors=True)
