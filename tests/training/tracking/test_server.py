"""A tracking server that is away for a while."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from training.tracking.server import TrackingError, wait_reachable


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def test_a_server_that_comes_back_was_waited_for() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        place = taken.getsockname()
    uri = f"http://{place[0]}:{place[1]}"
    with pytest.raises(TrackingError, match="does not answer"):
        wait_reachable(uri, 0.0)
    servers: list[HTTPServer] = []

    def come_back() -> None:
        servers.append(HTTPServer(place, Healthy))
        servers[0].handle_request()

    later = threading.Timer(0.5, come_back)
    later.start()
    wait_reachable(uri, 60.0)
    later.join()
    servers[0].server_close()
