"""Whether something listens at an address, before a client that would wait for minutes is asked."""

import socket
from typing import Final

_PATIENCE_S: Final = 5.0


def answers(address: str) -> bool:
    """Whether something accepts connections at `host:port`; False for a text that is not such an address."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE_S):
            return True
    except (OSError, ValueError, OverflowError):
        return False
