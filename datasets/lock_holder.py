"""`Holder`: the process that holds a lock, and whether it still lives."""

import os
import secrets
import socket
import time
import uuid
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class Holder(BaseModel):
    """Who holds a lock.

    Attributes:
        token: Unique name of this holding.
        host: Machine, by its name for people; empty if the lock is torn.
        machine: What tells it from others of the same name, see `this_machine`; empty in locks of earlier programs.
        pid: Process there.
        started: Date and time in ISO 8601.
        beat: Time of its last sign of life by its own clock, in seconds since 1970. Clocks of machines differ: that it
            changes says that the holder lives, its age says nothing elsewhere.
    """

    model_config = ConfigDict(frozen=True)

    token: str = Field(pattern=r"^\w+$")
    host: str
    machine: str = ""
    pid: int
    started: str = ""
    beat: float = 0.0

    @classmethod
    def this_process(cls) -> "Holder":
        """A new holding of this process."""
        started = datetime.now(UTC).isoformat(timespec="seconds")
        token, host = secrets.token_hex(8), socket.gethostname()
        return cls(token=token, host=host, machine=this_machine(), pid=os.getpid(), started=started, beat=time.time())

    @property
    def process(self) -> str:
        """In words, for messages."""
        return f"process {self.pid} on {self.host}"

    @property
    def is_here(self) -> bool:
        """Whether it is of this machine: its process can be looked for, and its clock is ours."""
        return self.machine == this_machine()

    def has_died_here(self) -> bool:
        """Whether it ran on this machine and does so no longer."""
        if not self.is_here:
            return False
        try:
            os.kill(self.pid, 0)
        except OSError as error:  # another one: it runs, as another user
            return isinstance(error, ProcessLookupError)
        return False


@cache
def this_machine() -> str:
    """Tells this machine from all others, also from containers on it and after a restart: hosts often share a name."""
    try:
        booted = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{booted}/{Path('/proc/self/ns/pid').readlink()}"  # a process id means something only in its namespace
    except OSError:  # not Linux
        return f"{uuid.getnode():x}"
