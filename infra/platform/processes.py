"""The processes of a platform, told by a variable in their environment: also after their supervisor was killed."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil

from infra.platform.state import MARK

_LAST_WORDS_S: Final = 15.0
"""Time that a process has between SIGTERM and SIGKILL."""

_LOOK_S: Final = 0.1


def living(folder: Path) -> list[psutil.Process]:
    """Every process of the platform in this folder, and what these started; not this one and those above it.

    A recorded pid may belong to somebody else by now; the environment that a process was started with cannot lie so.
    """
    mine = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        try:
            if process.pid not in mine and process.environ().get(MARK) == str(folder):
                found |= {each.pid: each for each in (process, *process.children(recursive=True))}
        except psutil.Error:  # another user's, or gone by now
            continue
    return [process for process in found.values() if process.pid not in mine and _lives(process)]


def supervisor_of(folder: Path) -> psutil.Process | None:
    """The supervisor that runs for this folder, by the pid in its file; None if that pid is no longer its own."""
    try:
        process = psutil.Process(int((folder / "supervisord.pid").read_text()))
        return process if process.environ().get(MARK) == str(folder) and _lives(process) else None
    except (OSError, ValueError, psutil.Error):
        return None


def end(folder: Path, *, patience_s: float) -> int:
    """Ends all of them: first the supervisor, which ends its servers in order, then what is left of earlier ones.

    Returns:
        How many there were.
    """
    before = living(folder)
    supervisor = supervisor_of(folder)
    if supervisor is not None:
        _send(supervisor, signal.SIGTERM)
        _wait([supervisor], patience_s)
    for how in (signal.SIGTERM, signal.SIGKILL):
        left = living(folder)
        for process in left:
            _send(process, how)
        _wait(left, _LAST_WORDS_S)
    return len(before)


def _wait(processes: Sequence[psutil.Process], patience_s: float) -> None:
    """Until none of them runs. Not `psutil.wait_procs`: in a container nobody may ask for those that have ended."""
    end = time.monotonic() + patience_s
    while any(map(_lives, processes)) and time.monotonic() < end:
        time.sleep(_LOOK_S)


def _send(process: psutil.Process, how: signal.Signals) -> None:
    try:
        process.send_signal(how)  # psutil first looks whether the pid is still this process
    except psutil.NoSuchProcess:
        return


def _lives(process: psutil.Process) -> bool:
    """Whether it runs: one that has ended stays listed until its parent asks how."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
