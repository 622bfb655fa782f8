"""A small archive on 127.0.0.1 with figshare's interface, which fails in the ways that a test chooses."""

import hashlib
import json
import socket
import sys
import threading
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

PAGE = 2  # never more files on a page, whatever is asked: the client may not rely on it


class ArchiveServer:
    """Serves files and notes what it did.

    Attributes:
        files: Content by name.
        moods: By name of a file, or "list": what the next requests meet, first come first served. A number is a status;
            "drop" breaks off in the middle, "whole" ignores the range, "whole-drop" does both, "lie" sends a wrong
            Content-Range, "expired" redirects to an address that answers 403, "corrupt" changes a byte, "page" sends a
            web page, "long" sends too much, "slow" takes its time, "after" is 429 with a Retry-After, "etag" has
            another ETag than before.
        always: A mood for all requests of a file after that.
        asked: Range header of each request for content, by name; None where there was none.
        sent: Bytes of content sent, by name.
        entries: Rows of the list that differ from the files, by name.
        busy: Requests for content that are being answered.
        busiest: Most of them at once.
        rate: Bytes of content per second, of all requests together.
        processor_s: Seconds of a processor that sending content took.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.moods: defaultdict[str, list[str | int]] = defaultdict(list)
        self.always: dict[str, str | int] = {}
        self.asked: defaultdict[str, list[str | None]] = defaultdict(list)
        self.sent: Counter[str] = Counter()
        self.paths: list[str] = []
        self.busy = self.busiest = 0
        self.rate = float("inf")
        self.processor_s = 0.0
        self._counting = threading.Lock()
        self.entries: defaultdict[str, dict[str, object]] = defaultdict(dict)

    def __enter__(self) -> Self:
        archive = self

        class Handler(_Handler):
            owner = archive

        self._http = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/v2"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @contextmanager
    def answering(self) -> Iterator[None]:
        with self._counting:
            self.busy += 1
            self.busiest = max(self.busiest, self.busy)
        before = time.thread_time()
        try:
            yield
        finally:
            with self._counting:
                self.busy -= 1
                self.processor_s += time.thread_time() - before

    def pace(self, count: int) -> None:
        """Waits until so many bytes more may go; the next caller waits for its own on top."""
        with self._counting:
            now = time.monotonic()
            self._free = max(getattr(self, "_free", now), now) + count / self.rate
            wait = self._free - now
        if wait > 0:
            time.sleep(wait)

    def mood(self, name: str) -> str | int:
        return self.moods[name].pop(0) if self.moods[name] else self.always.get(name, "")

    def listing(self) -> list[dict[str, object]]:
        root = self.url.removesuffix("/v2")
        return [
            {
                "id": number,
                "name": name,
                "size": len(content),
                "is_link_only": False,
                "download_url": f"{root}/ndownloader/files/{number}",
                "computed_md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
                "supplied_md5": "",
                "mimetype": "application/zip",
            }
            | self.entries[name]
            for number, (name, content) in enumerate(self.files.items(), 1)
        ]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *request: object) -> None:
        """Clients that are killed hang up in the middle: that is what some tests are for."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            traceback.print_exc()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: ArchiveServer

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self.owner.paths.append(url.path)
        if url.path.endswith("/files"):
            self._list(int(parse_qs(url.query)["page"][0]))
        elif url.path.startswith("/v2/file/download/"):
            self._redirect(url.path.rsplit("/", 1)[1])
        elif url.path.startswith("/signed/"):
            self._content(url.path.rsplit("/", 1)[1], url.query.removeprefix("mood="))
        elif url.path.startswith("/named/") and url.path.rsplit("/", 1)[1] in self.owner.files:
            number = list(self.owner.files).index(url.path.rsplit("/", 1)[1]) + 1
            self._content(str(number), "")
        elif url.path.startswith("/ndownloader/files/"):
            self._content(url.path.rsplit("/", 1)[1], "")
        else:
            self._answer(404)

    def _list(self, page: int) -> None:
        mood = self.owner.mood("list")
        if isinstance(mood, int):
            self._answer(mood)
        elif mood == "page":
            self._answer(200, b"<html>moved</html>", **{"Content-Type": "text/html"})
        else:
            rows = self.owner.listing()[(page - 1) * PAGE : page * PAGE]
            self._answer(200, json.dumps(rows).encode(), **{"Content-Type": "application/json"})

    def _redirect(self, number: str) -> None:
        name = list(self.owner.files)[int(number) - 1]
        mood = self.owner.mood(name)
        if isinstance(mood, int):
            self._answer(mood)
        elif mood == "after":
            self._answer(429, **{"Retry-After": "120"})
        else:
            self._answer(302, Location=f"/signed/{number}?mood={mood}")

    def _content(self, number: str, mood: str) -> None:
        name = list(self.owner.files)[int(number) - 1]
        content = self.owner.files[name]
        asked = self.headers.get("Range")
        self.owner.asked[name].append(asked)
        etag = '"other"' if mood == "etag" else '"first"'
        if mood == "expired":
            self._answer(403, b"<Error>Request has expired</Error>")
            return
        if mood == "page":
            self._answer(200, b"<html>are you a robot?</html>", **{"Content-Type": "text/html"})
            return
        if mood == "corrupt":
            content = content[:-1] + bytes([content[-1] ^ 1])
        if asked and not mood.startswith("whole") and self.headers.get("If-Range", etag) == etag:
            start, end = (int(each or len(content) - 1) for each in asked.removeprefix("bytes=").split("-"))
            body = content[start : end + 1]
            self.send_response(206)
            first = start + 7 if mood == "lie" else start
            self.send_header("Content-Range", f"bytes {first}-{start + len(body) - 1}/{len(content)}")
        else:
            self.send_response(200)
            body = content
        self.send_header("ETag", etag)
        if mood == "long":
            self.send_header("Connection", "close")
            body += b"more"
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self._send(name, body, mood)

    def _send(self, name: str, body: bytes, mood: str) -> None:
        with self.owner.answering():
            self._send_blocks(name, body, mood)

    def _send_blocks(self, name: str, body: bytes, mood: str) -> None:
        if mood.endswith("drop"):
            body = body[: len(body) // 2]
        for at in range(0, len(body), 1 << 16):
            block = body[at : at + (1 << 16)]
            if self.owner.rate < float("inf"):
                self.owner.pace(len(block))
            self.wfile.write(block)
            self.owner.sent[name] += len(block)
            if mood == "slow":
                time.sleep(0.02)
        if mood.endswith(("drop", "long")):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            self.close_connection = True

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
