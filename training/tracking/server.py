"""Which tracking URIs are good, where their artifacts go, and whether a server is there. Knows no mlflow."""

import http.client
import shlex
import sqlite3
import ssl
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from datasets.errors import IceBenchError
from datasets.process.folders import refusal_of
from datasets.proxies import through_proxy

_SQLITE: Final = "sqlite:///"
_PATIENCE_S: Final = 10.0
"""Longest wait for the first answer of a server.

MLflow itself would retry for four minutes, which is right in the middle of a training and wrong at its start.
"""
_CLASSIC: Final = "?workflowType=machine_learning"
VIEW: Final = "study"
"""Name under which an experiment keeps what its table shows, which its address asks for."""
_GIVE_ANOTHER: Final = "run a study or a trial first, or give another --tracking-uri (MLFLOW_TRACKING_URI)"
_PAUSE_S: Final = 1.0
"""Between two looks at a server that is away."""


class TrackingError(IceBenchError, ConnectionError):
    """The tracking server is away or refuses, or the URI is of a kind that cannot be used."""


class RequestRefusedError(TrackingError):
    """The server understood a request and does not take it, now or later."""


class RunGoneError(TrackingError):
    """The server does not know the run: it was removed, or this is another server."""


class ArtifactStoreError(TrackingError):
    """The server is there, but the store of its artifacts takes no file from this machine, or gives none."""


class NoRecordError(TrackingError):
    """A sqlite file that somebody wants to read is not there, or holds no record of MLflow."""


def resolve_uri(uri: str) -> str:
    """Returns the URI good in any process: a sqlite path becomes absolute.

    Raises:
        TrackingError: Neither `sqlite:///...` nor `http(s)://...`; plain folders (MLflow's file store) are refused.
            A URL without host, or with a port that is no number; a sqlite path that is another kind of file.
    """
    if uri.startswith(("http://", "https://")):
        try:
            parts = urlsplit(uri)
            good = bool(parts.hostname) and parts.port != 0
        except ValueError:  # a port that is no number
            good = False
        if not good:
            raise TrackingError(f"the tracking URI {public(uri)!r} has no good host and port: write http://HOST:5000")
        return uri.rstrip("/")
    if uri.startswith(_SQLITE) and len(uri) > len(_SQLITE) and ":memory:" not in uri:
        path = _file_of(uri).expanduser().absolute()
        _check_header(path)
        return f"{_SQLITE}{path}"
    raise TrackingError(
        f"the tracking URI {public(uri)!r} cannot be used: MLflow refuses plain folders and this project writes to "
        "sqlite:///PATH/mlflow.db (one machine) or http(s)://HOST:PORT (a server); give one of these"
    )


def artifact_folder(uri: str) -> Path | None:
    """Folder for artifacts beside a sqlite file; None for a server, which has its own place."""
    return _file_of(uri).parent / "mlartifacts" if uri.startswith(_SQLITE) else None


def check_reachable(uri: str) -> None:
    """Raises TrackingError within seconds when the server does not answer, or the sqlite file is something else."""
    if uri.startswith(_SQLITE):
        _check_sqlite(_file_of(uri))
        return
    request = urllib.request.Request(f"{public(uri)}/health", headers={"User-Agent": "icebench"})
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE_S):  # http and https only, by resolve_uri
            return
    except urllib.error.HTTPError as error:
        if error.code < 500:  # it answers; whether it lets us in, the first real request shows
            return
        reason = f"HTTP {error.code} {error.reason}"
    except (OSError, ValueError, http.client.HTTPException) as error:  # away, too slow, or no server of HTTP
        cause = getattr(error, "reason", error)
        if isinstance(cause, ssl.SSLError):  # MLflow has its own settings for certificates
            return
        reason = str(cause) or type(cause).__name__
    raise TrackingError(
        f"the MLflow server {public(uri)} does not answer ({reason}){through_proxy(uri)}: start it, or give another "
        "tracking URI"
    )


def check_recorded(uri: str) -> None:
    """Raises NoRecordError where there is nothing to read; to whoever only reads, MLflow would make a database."""
    if not uri.startswith(_SQLITE):
        return
    path = _file_of(uri)
    said = f"there is no record of MLflow in {str(path)!r}"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            found = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'experiments'").fetchone()
    except sqlite3.Error as error:
        reason = "it is a folder" if path.is_dir() else str(error) if path.exists() else "no such file"
        raise NoRecordError(f"{said} ({reason}): {_GIVE_ANOTHER}") from error
    if found is None:
        raise NoRecordError(f"{said}: {_GIVE_ANOTHER}")


def wait_reachable(uri: str, patience_s: float) -> None:
    """Waits for a server that is away; raises TrackingError if it still is after `patience_s`."""
    end = time.monotonic() + patience_s
    while True:
        try:
            return check_reachable(uri)
        except TrackingError:
            if time.monotonic() > end:
                raise
        time.sleep(_PAUSE_S)


def run_address(uri: str, experiment_id: str, run_id: str = "") -> str:
    """Address of a run in the pages of a server, or without a run of the table of an experiment; "" for a database.

    Without the last word MLflow opens its pages for language models, where a trial has nothing to show.
    """
    if not uri.startswith(("http://", "https://")):
        return ""
    here = f"{run_link(experiment_id, run_id)}{_CLASSIC}" if run_id else table_link(experiment_id)
    return f"{public(uri)}/{here}"


def run_link(experiment_id: str, run_id: str) -> str:
    """Path of a run within the pages of whatever server shows it."""
    return f"#/experiments/{quote(experiment_id)}/runs/{quote(run_id)}"


def table_link(experiment_id: str) -> str:
    """Path of the table of an experiment within the pages of its server."""
    return f"#/experiments/{quote(experiment_id)}/runs{_CLASSIC}&viewStateShareKey={VIEW}"


def how_to_open(uri: str, experiment_id: str, run_id: str = "") -> str:
    """What to open to see a run or the table of an experiment, or to type first where the runs are in a database."""
    address = run_address(uri, experiment_id, run_id)
    if address:
        return address
    command = shlex.join(["mlflow", "ui", "--workers", "1", "--backend-store-uri", uri])
    return f"{run_address('http://127.0.0.1:5000', experiment_id, run_id)} once this runs: {command}"


def public(uri: str) -> str:
    """The URI without user and password, for messages."""
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def without_secrets(url: str) -> str:
    """The URL of a lake without user, password and query, which may hold a signature."""
    return urlsplit(public(url))._replace(query="", fragment="").geturl() if "://" in url else url


def _file_of(uri: str) -> Path:
    return Path(unquote(uri.removeprefix(_SQLITE)))


def _check_sqlite(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            path.open("rb").close()
        elif trouble := refusal_of(path.parent):
            raise trouble
    except OSError as error:
        raise TrackingError(
            f"the tracking database {str(path)!r} cannot be opened ({error.strerror}): give another sqlite:/// path"
        ) from error
    _check_header(path)


def _check_header(path: Path) -> None:
    """Raises TrackingError for a file that is surely no sqlite database; one that cannot be read now may be one."""
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError:
        return
    if start and start != b"SQLite format 3\x00":
        raise TrackingError(f"{str(path)!r} is not a sqlite database: give another sqlite:/// path")
