"""MLflow for tests: a server that is killed and started again, a proxy that spoils its answers, fresh databases."""

import atexit
import http.client
import http.server
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from functools import cache
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run, ViewType

from infra.platform.services import MLFLOW_QUIET, mlflow_words
from sweeps.record.study import StudyTracker
from tests.free_ports import free_ports
from training.spec import TrialSpec
from training.tracking.mlflow_client import open_client
from training.tracking.mlflow_tracker import MlflowTracker


def study(uri: str, name: str, lake: str = "lake1") -> StudyTracker:
    """The parent run of a study with invented words."""
    return StudyTracker.open(uri, study=name, lake=lake, recipe="recipe1", question="does it?")


def attempt(parent: StudyTracker, spec: TrialSpec, status: str, **metrics: float) -> MlflowTracker:
    """A whole attempt at a trial of the study."""
    tracker = MlflowTracker(parent.tracking_uri, parent.study, parent.run_id)
    tracker.start(spec, {"recipe": "recipe1"})
    tracker.log_metrics(metrics)
    tracker.finish(status)  # type: ignore[arg-type]
    return tracker


def fresh_database(folder: Path) -> str:
    """URI of a new store in the folder; its tables take seconds to make, so they are made once and copied."""
    return f"sqlite:///{_with_tables(folder / 'mlflow.db')}"


def _with_tables(path: Path) -> Path:
    if not path.exists():
        shutil.copyfile(_empty_database(), path)
    return path


@cache
def _empty_database() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="mlflow-empty-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    open_client(f"sqlite:///{folder}/mlflow.db").search_experiments()
    return folder / "mlflow.db"


def all_sent(tracker: MlflowTracker, seconds: float) -> bool:
    """Waits until the server has all records so far; False if the time was too short."""
    deadline = time.monotonic() + seconds
    while tracker.unsent:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class MlflowServer:
    """One store, one port, and a server that may be there or not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (self.port,) = free_ports(1)
        self.uri = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        if self._process is not None:
            return
        store = f"sqlite:///{_with_tables(self.folder / 'server.db')}"
        words = mlflow_words(self.port, store, str(self.folder / "artifacts"))
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                words,
                cwd=self.folder,
                env={**os.environ, **MLFLOW_QUIET},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.uri}/health", timeout=30):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                assert self._process.poll() is None, (self.folder / "server.log").read_text()
                time.sleep(0.2)
        raise TimeoutError((self.folder / "server.log").read_text())

    def stop(self) -> None:
        """Ends it as Ctrl-C does."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Ends it with all its workers, as a crash does."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, how)
            self._process.wait(120)
            self._process = None

    def runs(self, experiment: str) -> list[Run]:
        """All runs, deleted ones too."""
        client = MlflowClient(self.uri)
        found = client.get_experiment_by_name(experiment)
        assert found is not None
        return list(client.search_runs([found.experiment_id], run_view_type=ViewType.ALL))

    def history(self, run: Run, metric: str) -> list[tuple[int, float]]:
        """(step, value) of every point that the store has, in the order of steps."""
        points = MlflowClient(self.uri).get_metric_history(run.info.run_id, metric)
        return sorted((point.step, point.value) for point in points)

    def artifacts(self, run: Run) -> dict[str, bytes]:
        """Content of every artifact by path."""
        root = self.folder / "artifacts" / run.info.experiment_id / run.info.run_id / "artifacts"
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


class SpoilingProxy(http.server.ThreadingHTTPServer):
    """Passes requests on, but of every path the first is answered 500 unheard, and the second after it has worked."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Spoiler)
        self.behind = port
        self.seen: Counter[str] = Counter()
        self.uri = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> "SpoilingProxy":
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self.server_close()


class _Spoiler(http.server.BaseHTTPRequestHandler):
    server: SpoilingProxy

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        self.server.seen[path] += path != "/health"
        if self.server.seen[path] == 1:
            return self._answer(500, b"spoilt before", {})
        connection = http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=240)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if self.server.seen[path] == 2:
            return self._answer(500, b"spoilt after", {})
        return self._answer(answer.status, content, {"Content-Type": answer.headers.get("Content-Type", "text/plain")})

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass

    def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""
