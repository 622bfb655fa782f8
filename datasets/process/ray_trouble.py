"""What keeps Ray from being joined or started, as one sentence with the remedy. Does not import Ray.

Ray has no types for these errors: it raises RuntimeError, OSError and plain Exception, and its client repeats what the
server logged. So they are told by words that Ray 2.51 to 2.60 use.
"""

import re
from typing import Final

from datasets.errors import ClusterError

_JOINING: Final = (
    (
        r"ersion mismatch|different version|same version|same Python",
        "runs other versions than this one: use the same Ray and the same Python (major.minor) on both",
    ),
    (
        r"(?i)authenticat|auth.?token|invalid token",
        "asks for another login: set RAY_AUTH_MODE to what the head has (`token` or `disabled`), and with `token` give "
        "its token here too, in RAY_AUTH_TOKEN or ~/.ray/auth_token",
    ),
    (
        r"No node info found|local Raylet|possible node ids",
        "has no node on this machine: give its client's address instead, `ray://HOST:10001`, submit the study with "
        "`ray job submit`, or make this machine a node with `ray start --address HOST:PORT`",
    ),
    (
        r"client connection timeout|Failed to connect to Ray cluster|NOT_RAY",
        "does not answer as a Ray does, though something listens there: look at the port (a head has 6379, its client "
        "server `ray://HOST:10001`; 8265 is the dashboard), that the head lives, and that RAY_AUTH_MODE is the same",
    ),
    (
        r"Failed to upload|Failed to store package|Package size",
        "did not take this project's code: look whether its head has room",
    ),
)

_STARTING: Final = (
    (
        r"AF_UNIX|socket",
        "the path of its folder is too long: set RAY_TMPDIR to a short one, such as /tmp",
    ),
    (
        r"(?i)No space left|ENOSPC|OutOfDisk",
        "the disk of its folder is full: make room, or set RAY_TMPDIR to a folder on another disk",
    ),
    (
        r"\.ray\b|auth_token",
        "it cannot write its token into the home folder: set RAY_AUTH_MODE=disabled, or HOME to a folder that you can "
        "write to",
    ),
    (
        r"(?i)permission denied|read-only|not permitted",
        "its folder belongs to somebody else: set RAY_TMPDIR to a folder that you can write to",
    ),
    (
        r"(?i)/dev/shm|object store",
        "there is too little shared memory: give the container more (`--shm-size=1g`), or set "
        "RAY_OBJECT_STORE_ALLOW_SLOW_STORAGE=1",
    ),
    (
        r"Too many open files|EMFILE",
        "too few files may be open: `ulimit -n 65536`",
    ),
    (
        r"(?i)timed out|Failed to (start|connect to) GCS|cannot allocate|Resource temporarily",
        "its processes did not come up in time: look for free memory and processes (`ulimit -u`) and into its logs "
        "in session_latest/logs, and try again",
    ),
)

_OWN: Final = "local"
_LONGEST: Final = 300
"""Characters of what Ray said that a sentence repeats."""


def trouble(address: str, error: Exception) -> ClusterError:
    """The error for the person.

    Args:
        address: That was asked for, `local` for a Ray that was to be started.
        error: What Ray raised.
    """
    told = _told(error)
    known = _STARTING if address == _OWN else _JOINING
    remedy = next((remedy for words, remedy in known if re.search(words, told)), "")
    if address == _OWN:
        return ClusterError(f"Ray cannot be started ({_short(told)}): {remedy or 'look into the logs of Ray'}")
    if remedy:
        return ClusterError(f"the Ray at {address!r} {remedy} ({_short(told)})")
    return ClusterError(
        f"the Ray at {address!r} cannot be used ({_short(told)}): it must have this Python, this version of Ray and "
        "the same RAY_AUTH_MODE; if it has, repeat the command"
    )


def lost_in_a_shell(python: str) -> bool:
    """Whether a shell takes this path for something else, as one with a space.

    Ray hands the Python of its workers to a shell as it is, so those of a `ray start` by this Python never begin.
    """
    return re.search(r"[\s'\"\\$`;&|<>()*?\[\]{}#~!]", python) is not None


def no_ray(address: str) -> ClusterError:
    """The error where something listens that is no Ray."""
    return trouble(address, ConnectionError("NOT_RAY"))


def _told(error: BaseException) -> str:
    """What was said, with what caused it: Ray often says only `Failed to connect` itself."""
    parts = list[str]()
    cause: BaseException | None = error
    while cause is not None:
        parts.append(str(cause) or type(cause).__name__)
        cause = cause.__cause__
    return "\n".join(parts)


def _short(told: str) -> str:
    """The sentence in it: without a traceback, in one line."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    said = lines[-1] if "Traceback" in told else " ".join(lines)
    return said.partition(". ")[0].rstrip(".")[:_LONGEST]
