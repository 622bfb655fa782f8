"""What finished runs cost, read without MLflow's client: that takes two seconds to import, and a dry run has one.

A sqlite database is read with sqlite3 and never made or changed; a server is asked over its REST interface.
"""

import http.client
import json
import re
import sqlite3
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from training.tracking.login import Login
from training.tracking.run_content import params_today
from training.tracking.server import TrackingError, public, resolve_uri

_MOST: Final = 2000
"""Runs that are looked at, the newest."""
_PAGE: Final = 500
_PATIENCE_S: Final = 10.0
_COST: Final = re.compile(r"(?:\w+/)?cost[/.](\w+)")
"""Metrics of costs, whatever group they stand in."""
_SQLITE: Final = "sqlite:///"
_TRIAL: Final = "trial"
"""Kind of the runs that count: studies, and scores of a checkpoint, cost something else."""
_FINISHED: Final = """
    select run_uuid from runs where status = 'FINISHED' and lifecycle_stage = 'active' order by start_time desc limit ?
"""


@dataclass(frozen=True, kw_only=True)
class PastRun:
    """A finished run: its flattened spec in today's names, its tags, and its metrics `cost/...` without that word."""

    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)


def past_runs(uri: str) -> list[PastRun]:
    """The newest finished runs that have a cost on record, of all studies.

    Raises:
        TrackingError: The URI is of another kind, there is no such database, the server is away or lets nobody in.
    """
    place = resolve_uri(uri)
    found = _of_database(place) if place.startswith(_SQLITE) else _of_server(place)
    return [
        PastRun(params=params_today(run.params), tags=run.tags, cost=run.cost)
        for run in found
        if "seconds" in run.cost and run.params and run.tags.get("kind", _TRIAL) == _TRIAL
    ]


def _of_database(uri: str) -> list[PastRun]:
    path = Path(unquote(uri.removeprefix(_SQLITE)))
    if not path.is_file():
        raise TrackingError(f"there is no database {str(path)!r} yet: nothing has run there")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=_PATIENCE_S)) as database:
            runs = {run_id: PastRun() for (run_id,) in database.execute(_FINISHED, (_MOST,))}
            for table, name in (("params", "params"), ("tags", "tags"), ("latest_metrics", "cost")):
                wanted = "where key like '%cost%'" if name == "cost" else ""
                for run_id, key, value in database.execute(f"select run_uuid, key, value from {table} {wanted}"):
                    if run_id in runs:
                        _put(runs[run_id], name, key, value)
    except sqlite3.Error as error:
        raise TrackingError(f"{str(path)!r} cannot be read as a database of MLflow ({error})") from error
    return list(runs.values())


def _of_server(uri: str) -> list[PastRun]:
    experiments = _ask(uri, "experiments", {"max_results": 1000}).get("experiments", [])
    ids, found, token = [each["experiment_id"] for each in experiments], list[PastRun](), ""
    while ids and len(found) < _MOST:
        body = {
            "experiment_ids": ids,
            "filter": "attributes.status = 'FINISHED'",
            "max_results": _PAGE,
            "order_by": ["attributes.start_time DESC"],
            **({"page_token": token} if token else {}),
        }
        page = _ask(uri, "runs", body)
        for each in page.get("runs", []):
            run = PastRun()
            for group, name in (("params", "params"), ("tags", "tags"), ("metrics", "cost")):
                for item in each.get("data", {}).get(group, []):
                    _put(run, name, item["key"], item.get("value", ""))
            found.append(run)
        token = page.get("next_page_token", "")
        if not token:
            break
    return found


def _put(run: PastRun, name: str, key: str, value: Any) -> None:  # noqa: ANN401 (text or number)
    if name != "cost":
        getattr(run, name)[key] = str(value)
    elif match := _COST.fullmatch(key):
        run.cost[match[1]] = float(value)


def _ask(uri: str, what: str, body: dict[str, Any]) -> dict[str, Any]:
    """One search; raises TrackingError."""
    request = urllib.request.Request(
        f"{public(uri)}/api/2.0/mlflow/{what}/search",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "icebench", **_login(uri)},
    )
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:  # http and https only, by resolve_uri
            found = json.load(answer)
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(error, urllib.error.HTTPError):  # it holds the connection
            error.close()
            reason = f"HTTP {error.code}"
        raise TrackingError(f"the MLflow server {public(uri)} does not answer ({reason})") from error
    return found if isinstance(found, dict) else {}


def _login(uri: str) -> dict[str, str]:
    """The header by which MLflow's clients log in: with the token, else what the URI says, else what is found."""
    found, parts = Login.found(), urlsplit(uri)
    if parts.username and not found.token:
        found = Login(user=unquote(parts.username), password=unquote(parts.password or ""))
    return found.header()
