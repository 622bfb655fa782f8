"""Ports that are free, for servers that are started a moment later.

The kernel gives outgoing connections ports from 32768 on (Linux), and Ray its workers those from 10002 to 19999:
nothing takes a port between them in the time between the choice and the start.
"""

import random
import socket
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from typing import Final

_FIRST: Final = 20_000
_MIDDLE: Final = 22_700
_LAST: Final = 29_999
GRPC: Final = 10_000
"""SeaweedFS takes the port so far above each of its ports for gRPC."""


def free_ports(count: int, *, with_grpc: bool = False, taken: Collection[int] = ()) -> list[int]:
    """Ports that are free, each another one and none taken; with `with_grpc` the one `GRPC` above it is free too."""
    low, high = (_FIRST, _MIDDLE) if with_grpc else (_MIDDLE, _LAST)
    draw, found = random.SystemRandom(), list[int]()  # hypothesis seeds the common one: same ports for all
    while len(found) < count:
        port = draw.randrange(low, high)
        if port not in found and port not in taken and is_free(port, with_grpc=with_grpc):
            found.append(port)
    return found


def named_ports(
    names: Sequence[str], *, with_grpc: bool = False, wanted: Mapping[str, int] | None = None
) -> dict[str, int]:
    """A free port for each name, each another one: the wanted one where that is free, and none that others want."""
    asked = wanted or {}
    kept = {name: port for name, port in asked.items() if name in names and is_free(port, with_grpc=with_grpc)}
    others = [name for name in names if name not in kept]
    drawn = free_ports(len(others), with_grpc=with_grpc, taken=set(asked.values()))
    return {**dict(zip(others, drawn, strict=True)), **kept}


def is_free(port: int, *, with_grpc: bool = False) -> bool:
    """Whether a server could listen on this port of loopback."""
    for each in (port, port + GRPC) if with_grpc else (port,):
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: a port just left is free
            try:
                probe.bind(("127.0.0.1", each))
            except (OSError, OverflowError):  # taken, or above 65535
                return False
    return True
