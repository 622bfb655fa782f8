"""Hosts on one machine: each has a network, a name, processes, folders and a clock of its own, and no disk is shared.

They are namespaces of Linux. A host is one process below which all its others live, so it is lost in one signal, and
nothing of it stays behind: namespaces, mounts and cables go with their last process, also where the test is killed.
"""

import base64
import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from functools import cache, partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

from datasets.process.checkout import PACKAGES, ROOT

_NET: Final = "10.77.0"
_CLONE_NEWNET: Final = 0x40000000  # linux/sched.h
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_LIBC: Final = ctypes.CDLL(None, use_errno=True)

_CLOCK: Final = """
import time
ahead, now, now_ns = {ahead}, time.time, time.time_ns
time.time = lambda: now() + ahead
time.time_ns = lambda: now_ns() + int(ahead * 1e9)

import datetime
import botocore.compat
signed = botocore.compat.get_current_datetime
botocore.compat.get_current_datetime = lambda *words, **more: signed(*words, **more) + datetime.timedelta(seconds=ahead)
"""
"""The clock of Python programs on a host, as sitecustomize.py: beats of locks, journals, times of runs, signatures.

The kernel has one clock for all namespaces. libfaketime, which changes it for a process, breaks `time.sleep` (EINVAL)
or waits for a condition for ever, as it is told to leave the steady clock alone or not.
"""

_BEGIN: Final = """
mount -t tmpfs -o size=2g tmpfs /dev/shm
for folder in "$@"; do mount -t tmpfs -o size=2g tmpfs "$folder"; done
mkdir -p /tmp/home
printf '127.0.0.1 localhost\\n%s' "$HOSTS" > /tmp/home/hosts
mount --bind /tmp/home/hosts /etc/hosts
hostname "$NAME"
exec sleep infinity
"""


@cache
def trouble() -> str:
    """Why hosts cannot be made here; empty where they can."""
    words = ["unshare", "--net", "--pid", "--mount", "--uts", "--ipc", "--fork", "mount", "-t", "tmpfs", "none", "/mnt"]
    try:
        tried = subprocess.run(words, capture_output=True, text=True, check=False)
        subprocess.run(["ip", "-V"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"hosts need unshare (util-linux) and ip (iproute2): {error}"
    return "" if tried.returncode == 0 else f"this machine forbids namespaces: {tried.stderr.strip()}"


class Host:
    """One host; see `Network.host`.

    Attributes:
        name: Its name, which other hosts know.
        address: On the network.
        plug: The other end of its cable.
        environment: Of every process.
    """

    def __init__(self, name: str, number: int, environment: dict[str, str], hidden: Sequence[str]) -> None:
        self.name = name
        self.address = f"{_NET}.{number}"
        self.plug = f"v{number}"
        self.environment = environment
        words = ["--net", "--pid", "--mount", "--uts", "--ipc", "--mount-proc"]
        known = {"NAME": name, "HOSTS": f"{self.address} {name}\n", "PATH": os.environ["PATH"]}
        self._programs: list[subprocess.Popen[bytes]] = []
        self._process, self._first = _unshared(words, ["sh", "-ec", _BEGIN, "sh", "/tmp", *hidden], known)

    def inside(self, path: str) -> Path:
        """A file of the host as this process sees it."""
        return Path(f"/proc/{self._first}/root{path}")

    def start(self, words: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        """Starts a program in its folder for temporary files, which ends with the host."""
        with log.open("ab") as file:
            program = subprocess.Popen(
                ["nsenter", f"--target={self._first}", "--all", "sh", "-c", 'cd /tmp; exec "$@"', "sh", *words],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )
        self._programs.append(program)
        return program

    def net(self, *words: str) -> None:
        """Types `ip ...` there."""
        subprocess.run(["nsenter", f"--target={self._first}", "--net", "ip", *words], check=True)

    def lose(self) -> None:
        """Ends it as a power cut does: nobody hears a farewell, as its cable is dead before its processes are."""
        if self._process.poll() is None:
            self.net("link", "set", "eth0", "down")
            self.end()

    def end(self) -> None:
        """Ends all that runs there."""
        self._process.kill()
        for process in (self._process, *self._programs):
            process.wait(120)
        _gone(self._first)


class Network:
    """A network of hosts, apart from that of this machine; a context that ends all of them."""

    def __enter__(self) -> Self:
        self._hosts: list[Host] = []
        self._held = ExitStack()
        self._process, self._first = _unshared(["--net"], ["sleep", "infinity"], dict(os.environ))
        for words in ("link set lo up", "link add br0 type bridge", f"addr add {_NET}.1/24 dev br0", "link set br0 up"):
            self._ip(*words.split())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for host in self._hosts:
            host.end()
        self._held.close()
        self._process.kill()
        self._process.wait(120)
        _gone(self._first)

    def host(self, name: str, environment: Mapping[str, str], *, code: bool = False, clock_s: float = 0.0) -> Host:
        """A new host.

        Args:
            name: Of it.
            environment: More variables of its processes.
            code: Whether this project is there.
            clock_s: Seconds that its clock is ahead, behind if negative.
        """
        number = len(self._hosts) + 2
        own = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": "/tmp/home", "LANG": "C.UTF-8"}
        own |= {"RAY_AUTH_MODE": "disabled", "OMP_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
        own |= {"RAY_prestart_worker_first_driver": "0", "REPORTER_UPDATE_INTERVAL_MS": "60000"}
        if clock_s:
            own |= {"PYTHONPATH": "/tmp/home"}
        temporary = Path(tempfile.gettempdir())
        hidden = [] if temporary.is_relative_to("/tmp") else [str(temporary)]
        hidden += [] if code else [str(ROOT / each) for each in (*PACKAGES, "tests")]
        host = Host(name, number, {**own, **environment}, hidden)
        self._hosts.append(host)
        host.inside("/tmp/home/sitecustomize.py").write_text(_CLOCK.format(ahead=clock_s) if clock_s else "")
        self._ip(*f"link add {host.plug} type veth peer name eth0 netns {host._first}".split())
        self._ip(*f"link set {host.plug} master br0 up".split())
        for words in ("link set lo up", f"addr add {host.address}/24 dev eth0", "link set eth0 up"):
            host.net(*words.split())
        return host

    def cut_off(self, host: Host) -> None:
        """Pulls its cable: all that runs there goes on, and neither hears nor is heard."""
        self._ip("link", "set", host.plug, "down")

    def plug_in(self, host: Host) -> None:
        """Puts its cable back; what was on the way is sent again."""
        self._ip("link", "set", host.plug, "up")

    def reach(self, port: int, *, login: str = "") -> str:
        """Address at which hosts reach a web server on this machine's loopback.

        Args:
            port: Of the server.
            login: `user:password` without which it answers 401.
        """
        proxy = _Proxy(self._listener(), port, login)
        threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        self._held.callback(proxy.server_close)
        self._held.callback(proxy.shutdown)
        return f"http://{_NET}.1:{proxy.socket.getsockname()[1]}"

    def _listener(self) -> socket.socket:
        """A socket of this process that listens on the hosts' network."""
        made: list[socket.socket] = []

        def make() -> None:  # a thread of its own: it never comes back to the network of this machine
            with Path(f"/proc/{self._first}/ns/net").open("rb") as there:
                if _LIBC.setns(there.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            made.append(socket.create_server((f"{_NET}.1", 0)))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        return made[0]

    def _ip(self, *words: str) -> None:
        subprocess.run(["nsenter", f"--target={self._first}", "--net", "ip", *words], check=True)


class _Proxy(ThreadingHTTPServer):
    """Passes requests on as they are, with their Host header, so that signatures hold."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, behind: int, login: str) -> None:
        super().__init__(listener.getsockname()[:2], _Passing, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.behind = behind
        self.login = f"Basic {base64.b64encode(login.encode()).decode()}" if login else ""

    def handle_error(self, *request: object) -> None:
        """Hosts that are lost hang up in the middle: that is what they are for."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            traceback.print_exc()


class _Passing(BaseHTTPRequestHandler):
    server: _Proxy
    protocol_version = "HTTP/1.1"

    def _pass(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length) if length else None
        if self.server.login and self.path != "/health" and self.headers.get("Authorization") != self.server.login:
            self._answer(401, b"who are you?", [])
            return
        with closing(HTTPConnection("127.0.0.1", self.server.behind, timeout=240)) as upstream:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                upstream.putheader(name, value)
            upstream.endheaders(body)
            answer = upstream.getresponse()
            content = answer.read()
            self._answer(answer.status, content, answer.getheaders())

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _pass

    def _answer(self, status: int, content: bytes, headers: Sequence[tuple[str, str]]) -> None:
        said = {name.lower(): value for name, value in headers}
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", said.get("content-length") or str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


def _unshared(
    spaces: Sequence[str], words: Sequence[str], environment: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], int]:
    """A process in namespaces of its own and the one below it, which lives there; both end with this process."""
    process = subprocess.Popen(
        ["unshare", *spaces, "--fork", "--kill-child=SIGKILL", *words],
        env=dict(environment),
        preexec_fn=partial(_LIBC.prctl, _PR_SET_PDEATHSIG, signal.SIGKILL),
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        for child in psutil.Process(process.pid).children():
            if child.name() == "sleep":  # all before it is done
                return process, child.pid
        time.sleep(0.02)
    process.kill()
    raise RuntimeError(f"namespaces could not be made: {' '.join(words)}")


def _gone(pid: int) -> None:
    """Waits until the first process of a host has ended, before which all others of the host have."""
    deadline = time.monotonic() + 120
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        while process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:  # whoever inherits it is slow
            time.sleep(0.02)
