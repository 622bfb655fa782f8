"""A real S3-compatible server (SeaweedFS) on free loopback ports, and a proxy before it that counts requests."""

import json
import os
import secrets
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec

from infra.platform.health import has_bucket
from infra.platform.services import S3_PORTS, object_store_words
from tests.free_ports import free_ports

BUCKET = "lake"


class ObjectStore:
    """One server with two users: one may do everything in the bucket, one may only read and list; all read public/."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir(parents=True)
        self.ports = dict(zip(S3_PORTS, free_ports(5, with_grpc=True), strict=True))
        self.endpoint = f"http://127.0.0.1:{self.ports['s3']}"
        self.owner = (secrets.token_hex(10), secrets.token_hex(20))
        self.reader = (secrets.token_hex(10), secrets.token_hex(20))
        self._process: subprocess.Popen[bytes] | None = None
        users = [
            ("owner", self.owner, ["Admin"]),
            ("reader", self.reader, [f"Read:{BUCKET}", f"List:{BUCKET}"]),
        ]
        config = {
            "identities": [
                {"name": name, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}
                for name, (key, secret), actions in users
            ]
            + [{"name": "anonymous", "actions": [f"{right}:{BUCKET}/public/*" for right in ("Read", "List")]}]
        }
        (folder / "users.json").write_text(json.dumps(config))

    def environment(self, user: tuple[str, str] | None = None, endpoint: str | None = None) -> dict[str, str]:
        """What a client needs, as environment variables."""
        key, secret = user or self.owner
        return {
            "AWS_ENDPOINT_URL": endpoint or self.endpoint,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": str(self.folder / "none"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "none"),
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def start(self) -> None:
        users = str(self.folder / "users.json")
        words = object_store_words(str(self.data), BUCKET, self.ports, users=users)
        log = (self.folder / "server.log").open("ab")
        self._process = subprocess.Popen(
            words,
            stdout=log,
            stderr=log,
            cwd=self.folder,
            env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        )
        log.close()
        deadline = time.monotonic() + 240
        while not self._healthy():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"SeaweedFS did not start: {(self.folder / 'server.log').read_text()[-2000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _healthy(self) -> bool:
        """Whether it answers and has made the bucket, which comes a moment later."""
        with closing(HTTPConnection("127.0.0.1", self.ports["s3"], timeout=30)) as connection:
            try:
                connection.request("GET", "/healthz")
                if connection.getresponse().status != 200:
                    return False
            except (OSError, HTTPException):
                return False
        return has_bucket(self.endpoint, BUCKET, self.environment())


@contextmanager
def client_of(store: ObjectStore, endpoint: str | None = None) -> Iterator[None]:
    """Lets clients of this process reach the server as its owner, through `endpoint` if one is given."""
    before = dict(os.environ)
    os.environ.update(store.environment(endpoint=endpoint))
    fsspec.get_filesystem_class("s3").clear_instance_cache()  # clients remember what they began with
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        fsspec.get_filesystem_class("s3").clear_instance_cache()


@contextmanager
def counting_proxy(store: ObjectStore, delay: float = 0.0) -> Iterator[tuple[str, list[str]]]:
    """Passes every request on as it is, with its Host header, so that signatures hold; yields endpoint and log.

    Each request waits `delay` seconds first, alone: others go on meanwhile, as they do on a long line.
    """
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            seen.append(f"{self.command} {self.path}")
            time.sleep(delay)
            length = int(self.headers.get("Content-Length", 0))
            with closing(HTTPConnection("127.0.0.1", store.ports["s3"], timeout=240)) as upstream:
                upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    upstream.putheader(name, value)
                upstream.endheaders(self.rfile.read(length) if length else None)
                answer = upstream.getresponse()
                body = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                        self.send_header(name, value)
                self.send_header("Content-Length", answer.getheader("Content-Length") or str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
