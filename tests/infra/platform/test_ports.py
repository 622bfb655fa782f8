"""Ports that are free, and wanted ones that are not."""

import socket
from contextlib import closing

import pytest

from infra.platform import ports
from infra.platform.ports import GRPC, free_ports, is_free, named_ports


def listening(port: int) -> "closing[socket.socket]":
    return closing(socket.create_server(("127.0.0.1", port)))


def test_each_is_another_one_and_free() -> None:
    found = free_ports(5, with_grpc=True)
    assert len(set(found)) == 5
    assert all(is_free(port, with_grpc=True) for port in found)


def test_the_wanted_one_where_it_is_free() -> None:
    first, second = free_ports(2)
    assert named_ports(["a", "b"], wanted={"a": first, "b": second, "other": 1}) == {"a": first, "b": second}
    with listening(first):
        found = named_ports(["a", "b"], wanted={"a": first, "b": second})
    assert found["a"] != first
    assert found["b"] == second


def test_nobody_is_given_a_port_that_another_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    (first,) = free_ports(1)
    monkeypatch.setattr(ports, "_MIDDLE", first)
    monkeypatch.setattr(ports, "_LAST", first + 8)
    for _ in range(20):
        found = named_ports(["a", "b", "c"], wanted={"b": first + 1, "of another call": first + 2})
        assert found["b"] == first + 1
        assert len({*found.values(), first + 2}) == 4


def test_a_port_whose_companion_is_taken_is_not_free() -> None:
    (port,) = free_ports(1, with_grpc=True)
    with listening(port + GRPC):
        assert is_free(port)
        assert not is_free(port, with_grpc=True)
        assert not is_free(65_000, with_grpc=True)
        assert named_ports(["s3"], with_grpc=True, wanted={"s3": port})["s3"] != port
