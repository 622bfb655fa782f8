"""Ports for servers that tests start, chosen as the platform chooses its own."""

from infra.platform.ports import GRPC, free_ports

__all__ = ["GRPC", "free_ports"]
