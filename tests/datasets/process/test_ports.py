"""Whether something listens at an address."""

from contextlib import closing
from socket import create_server

import pytest

from datasets.process.ports import answers
from tests.free_ports import free_ports


def test_a_port_answers_while_something_listens_there() -> None:
    (port,) = free_ports(1)
    assert not answers(f"127.0.0.1:{port}")
    with closing(create_server(("127.0.0.1", port))):
        assert answers(f"127.0.0.1:{port}")


@pytest.mark.parametrize("address", ["", "127.0.0.1", "127.0.0.1:port", "127.0.0.1:99999"])
def test_what_is_no_address_does_not_answer(address: str) -> None:
    assert not answers(address)
