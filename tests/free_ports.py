"""Ports for servers that tests start, which no other process takes between the choice and the start.

The kernel gives outgoing connections ports from 32768 on (Linux), and Ray its workers those from 10002 to 19999.
"""

import random
import socket
from contextlib import closing
from typing import Final

_FIRST: Final = 20_000
_MIDDLE: Final = 22_700
_LAST: Final = 29_999
GRPC: Final = 10_000
"""SeaweedFS takes the port so far above each of its ports for gRPC."""


def free_ports(count: int, *, with_grpc: bool = False) -> list[int]:
    """Ports that are free, each another one; with `with_grpc` the one `GRPC` above it is free too."""
    low, high = (_FIRST, _MIDDLE) if with_grpc else (_MIDDLE, _LAST)
    draw, found = random.SystemRandom(), list[int]()  # hypothesis seeds the common one: same ports for all
    while len(found) < count:
        port = draw.randrange(low, high)
        if port not in found and _is_free(port) and not (with_grpc and not _is_free(port + GRPC)):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
